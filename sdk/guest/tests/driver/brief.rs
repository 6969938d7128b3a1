//! Filters that want the headers of requests and nothing else, for whose streams a root stands.

use std::cell::Cell;
use std::rc::Rc;

use tollgate::http;
use tollgate::native::{Event, Part, Vm};
use tollgate::prelude::*;

use crate::desk::{Desk, host};

const ROOT: u32 = 1;
const END: Part = Part::new(0, true);
const STOP: u32 = 4;

thread_local! {
    /// Whether the plugin's start asks somebody.
    static ASKS: Cell<bool> = const { Cell::new(false) };
    static REJECTS: Cell<bool> = const { Cell::new(false) };
}

struct Brief;

impl Plugin for Brief {
    const NAME: &'static str = "brief";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        if ASKS.get() {
            http::get("a", "/").send().await?;
        }
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Brief {
    type State = u32;

    async fn request(&self, ex: &mut Exchange<u32>) -> Result<(), Reject> {
        ex.state += 1;
        ex.set_header("x-brief", ex.state.to_string())?;
        if REJECTS.get() {
            return Err(Reject::new(403));
        }
        Ok(())
    }
}

fn started(asks: bool, rejects: bool) -> (Rc<Desk>, Vm) {
    ASKS.set(asks);
    REJECTS.set(rejects);
    let desk = Desk::new();
    let vm = Vm::new::<Brief>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    desk.noted();
    (desk, vm)
}

/// Begins a stream, and returns the action and whether the VM then knows the stream.
type Begin = fn(&Vm, u32) -> (u32, bool);

/// In the ABI's callbacks, and in Tollgate's one.
const WAYS: [Begin; 2] = [
    |vm, id| {
        vm.on_context_create(id, ROOT);
        (vm.on_event(id, Event::RequestHeaders(END)), true)
    },
    |vm, id| {
        let action = vm.on_request(id, ROOT, END);
        (action, action != 0)
    },
];

#[test]
fn the_handler_runs_with_a_state_of_its_own() {
    for begin in WAYS {
        let (desk, vm) = started(false, false);
        for id in 2..40 {
            desk.context.set(id);
            let (action, is_known) = begin(&vm, id);
            assert_eq!(action, 0);
            assert_eq!(desk.noted(), [format!("{id}: x-brief=1")]);
            assert_eq!(vm.contexts(), 1 + usize::from(is_known));
            assert!(vm.on_done(id));
            vm.on_delete(id);
            assert_eq!(vm.contexts(), 1);
        }
    }
}

#[test]
fn a_handler_that_rejects_answers_the_client() {
    for begin in WAYS {
        let (desk, vm) = started(false, true);
        desk.context.set(2);
        assert_eq!(begin(&vm, 2), (STOP, true));
        assert_eq!(desk.noted(), ["2: x-brief=1", "2: reply 403"]);
        vm.on_delete(2);
        assert_eq!(vm.contexts(), 1);
    }
}

#[test]
fn streams_wait_for_the_plugin() {
    for begin in WAYS {
        let (desk, vm) = started(true, false);
        for id in [2, 3, 4] {
            assert_eq!(begin(&vm, id), (STOP, true));
        }
        // What is gone by then is left alone.
        vm.on_delete(3);
        assert_eq!(desk.noted(), Vec::<String>::new());
        desk.answer(&vm, 1, "keys");
        let expected = [2, 4].map(|id| {
            [
                format!("{id}: x-brief=1"),
                format!("{id}: continue HttpRequest"),
            ]
        });
        assert_eq!(desk.noted(), expected.concat());
        assert_eq!(begin(&vm, 5).0, 0);
        desk.noted();
        for id in [2, 4, 5] {
            vm.on_delete(id);
        }
        assert_eq!(vm.contexts(), 1);
    }
}

#[test]
fn a_stream_that_waited_may_be_rejected() {
    for begin in WAYS {
        let (desk, vm) = started(true, true);
        assert_eq!(begin(&vm, 2), (STOP, true));
        desk.answer(&vm, 1, "keys");
        assert_eq!(desk.noted(), ["2: x-brief=1", "2: reply 403"]);
    }
}

#[test]
fn without_its_plugin_every_stream_is_refused() {
    for begin in WAYS {
        let (desk, vm) = started(true, false);
        vm.on_http_call_response(1, 0, 0, 0);
        desk.noted();
        desk.context.set(2);
        assert_eq!(begin(&vm, 2), (STOP, true));
        assert_eq!(desk.noted(), ["2: reply 503"]);
    }
}

/// As [`Brief`], with a state whose end would be noticed.
struct Lasting;

impl Plugin for Lasting {
    const NAME: &'static str = "lasting";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Lasting {
    type State = String;

    async fn request(&self, ex: &mut Exchange<String>) -> Result<(), Reject> {
        ex.state.push('1');
        let state = ex.state.clone();
        ex.set_header("x-lasting", state)?;
        if REJECTS.get() {
            return Err(Reject::new(403));
        }
        Ok(())
    }
}

#[test]
fn a_stream_with_a_context_of_its_own_begins_and_ends_in_one_call_too() {
    let desk = Desk::new();
    let vm = Vm::new::<Lasting>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    desk.noted();
    for (rejects, action) in [(false, 0), (true, STOP)] {
        REJECTS.set(rejects);
        desk.context.set(2);
        assert_eq!(vm.on_request(2, ROOT, END), action);
        assert_eq!(desk.noted()[0], "2: x-lasting=1");
        assert_eq!(vm.contexts(), 1 + usize::from(rejects));
        vm.on_delete(2);
        assert_eq!(vm.contexts(), 1);
    }
}

#[test]
fn nobody_answers_for_a_root_that_does_not_exist() {
    let (desk, vm) = started(false, false);
    assert_eq!(vm.on_request(2, 7, END), 0);
    assert_eq!(desk.noted(), Vec::<String>::new());
    assert_eq!(vm.contexts(), 1);
}
