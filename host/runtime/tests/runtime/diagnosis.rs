//! What a fault leaves behind: last hostcalls, last words, request id, and symbols for its stack.

use bytes::Bytes;
use tollgate_runtime::{Fault, Fingerprint, Module, Symbols};

use crate::support::{
    Plugin, engine, on_request_headers, plugin_config, start, start_module, vm_config, wat,
};

fn request(plugin: &mut Plugin, headers: &[(&str, &str)]) -> Fault {
    let (id, _) = plugin.stream(headers);
    plugin.vm.on_request_headers(id, true).unwrap_err()
}

#[test]
fn a_fault_tells_the_last_hostcalls_with_arguments_and_answers() {
    let mut plugin = start(&on_request_headers(
        r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"x-key"
             (i32.const 0x100) (i32.const 0x104)))
           (drop (call $proxy_set_shared_data @"count" @"1" (i32.const 0)))
           (unreachable)"#,
    ));
    let fault = request(&mut plugin, &[("x-request-id", "r-1")]);
    let lines: Vec<String> = fault
        .details
        .hostcalls
        .iter()
        .map(|call| format!("{}({}) = {}", call.name, call.arguments, call.outcome))
        .collect();
    assert_eq!(
        lines,
        [
            "proxy_get_header_map_value(map=HttpRequestHeaders key=\"x-key\") = NotFound",
            "proxy_set_shared_data(key=\"count\") = Ok"
        ]
    );
    assert!(fault.details.hostcalls.iter().all(|call| !call.is_earlier));
}

#[test]
fn a_fault_is_one_line_with_the_request_and_the_last_words() {
    let mut plugin = start(&on_request_headers(
        r#"(call $show @"panicked at src/lib.rs:7: boom\0ahere") (unreachable)"#,
    ));
    let fault = request(&mut plugin, &[("x-request-id", "r-1")]);
    assert_eq!(fault.details.request_id.as_deref(), Some("r-1"));
    assert_eq!(
        fault.details.last_words.as_deref(),
        Some("panicked at src/lib.rs:7: boom\nhere")
    );
    let line = fault.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(
        line.ends_with(r#"(plugin "plugin", request "r-1"): panicked at src/lib.rs:7: boom\nhere"#),
        "{line}"
    );
}

#[test]
fn what_is_written_to_standard_error_is_last_words_too() {
    let body = format!(
        r#"(import "wasi_snapshot_preview1" "fd_write"
             (func $fd_write (param i32 i32 i32 i32) (result i32))) {}"#,
        on_request_headers(
            r#"(i32.store (i32.const 0x300) (i32.const 0x310))
               (i32.store (i32.const 0x304) (i32.const 4))
               (i32.store (i32.const 0x310) (i32.const 0x6d6f6f62))
               (drop (call $fd_write (i32.const 2) (i32.const 0x300) (i32.const 1) (i32.const 0x320)))
               (unreachable)"#
        )
    );
    let fault = request(&mut start(&body), &[]);
    assert_eq!(fault.details.last_words.as_deref(), Some("boom"));
    assert_eq!(fault.details.request_id, None);
}

#[test]
fn without_dwarf_a_frame_has_its_name_and_its_place_in_the_module() {
    let body = format!(
        r"(func $_ZN4gate5check17h0123456789abcdefE (unreachable)) {}",
        on_request_headers("(call $_ZN4gate5check17h0123456789abcdefE)")
    );
    let bytes = Bytes::from(::wat::parse_str(wat(&body)).unwrap());
    let module = Module::new(&engine(), &bytes).unwrap();
    let start = || {
        start_module(
            &module,
            vm_config(),
            plugin_config(),
            std::sync::Arc::default(),
        )
        .unwrap()
    };
    let fault = request(&mut start(), &[]);
    let symbols = Symbols::new(&bytes);
    assert!(!symbols.has_lines());
    let frames = symbols.resolve(&fault.details.backtrace);
    assert_eq!(frames[0].function, "gate::check");
    assert_eq!(frames[0].file, None);
    let offsets = |at: usize| {
        let compiled = fault.details.backtrace[at].module_offset;
        (frames[at].module_offset, compiled)
    };
    for at in 0..frames.len() {
        let (found, compiled) = offsets(at);
        assert_eq!(found, compiled);
        assert!(found.is_some());
    }
    let again = request(&mut start(), &[("other", "request")]);
    let fingerprint = |fault| Fingerprint::new(fault, &frames);
    assert_eq!(fingerprint(&fault), fingerprint(&again));
}

#[test]
fn bytes_that_are_no_module_have_no_symbols() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x0a\xff\xff\xff\xff"] {
        let symbols = Symbols::new(&Bytes::copy_from_slice(bytes));
        assert!(!symbols.has_lines());
    }
}
