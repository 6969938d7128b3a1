//! Hostcalls that something else answers, and instructions that are counted.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_runtime::{Engine, EngineOptions, HostcallInterceptor, Intercepted, Module};

use crate::support::{
    Plugin, on_request_headers, plugin_config, start, start_module, vm_config, wat,
};

/// Answers `proxy_get_header_map_value` and remembers every name.
struct Answers {
    answer: Option<Intercepted>,
    seen: RefCell<Vec<&'static str>>,
}

impl HostcallInterceptor for Answers {
    fn intercept(&self, hostcall: &'static str) -> Option<Intercepted> {
        self.seen.borrow_mut().push(hostcall);
        self.answer
            .clone()
            .filter(|_| hostcall == "proxy_get_header_map_value")
    }
}

/// A plugin that asks for the header `crash` and reports what it gets.
fn asking(answer: Option<Intercepted>) -> (Plugin, Rc<Answers>) {
    let mut plugin = start(&on_request_headers(r#"(call $get (i32.const 0) @"crash")"#));
    let interceptor = Rc::new(Answers {
        answer,
        seen: RefCell::default(),
    });
    plugin
        .vm
        .intercept_hostcalls(Rc::clone(&interceptor) as Rc<dyn HostcallInterceptor>);
    (plugin, interceptor)
}

#[test]
fn an_interceptor_that_does_not_answer_only_listens() {
    let (mut plugin, interceptor) = asking(None);
    assert_eq!(plugin.request(&[("crash", "no")]), ["0", "no"]);
    assert_eq!(
        *interceptor.seen.borrow(),
        ["proxy_get_header_map_value", "proxy_log", "proxy_log"]
    );
}

#[test]
fn an_injected_status_reaches_the_guest_whatever_it_is() {
    let (mut plugin, _) = asking(Some(Intercepted::Status(77)));
    assert_eq!(plugin.request(&[("crash", "no")]), ["77"]);
}

#[test]
fn injected_bytes_come_in_a_block_of_the_guests_allocator() {
    let (mut plugin, _) = asking(Some(Intercepted::Bytes(b"other".to_vec())));
    assert_eq!(plugin.request(&[("crash", "no")]), ["0", "other"]);
}

#[test]
fn an_injected_block_is_handed_over_as_it_is() {
    let (mut plugin, _) = asking(Some(Intercepted::Block {
        // Where the name of the header lies.
        address: 0x1000,
        size: 3,
    }));
    assert_eq!(plugin.request(&[("crash", "no")]), ["0", "cra"]);
}

#[test]
fn instructions_are_counted_only_on_demand() {
    assert_eq!(start("").vm.fuel_consumed(), None);
    let engine = Engine::new(EngineOptions {
        count_fuel: true,
        ..EngineOptions::default()
    })
    .unwrap();
    let body = on_request_headers("(drop (i32.add (i32.const 1) (i32.const 2)))");
    let module = Module::new(&engine, &::wat::parse_str(wat(&body)).unwrap()).unwrap();
    let mut plugin = start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap();
    let mut burned = || {
        let before = plugin.vm.fuel_consumed().unwrap();
        plugin.request(&[]);
        plugin.vm.fuel_consumed().unwrap() - before
    };
    let (first, second) = (burned(), burned());
    assert!(first > 0, "something was executed");
    assert_eq!(first, second, "the same work is the same fuel");
}
