//! Emscripten and wasi-sdk.

use tollgate_conformance::unrepeated;

use crate::{ask, compare, module, refused};

const GUEST: &str = include_str!("emscripten.wat");

#[test]
fn constructors_run_and_then_main_without_arguments() {
    let log = compare(GUEST, |running| unrepeated(&running.log()));
    assert_eq!(log, ["info constructed", "info main 0 0"]);
}

#[test]
fn what_the_runtime_of_emscripten_imports_is_there() {
    let (status, log) = compare(GUEST, |running| ask(running, "/"));
    assert_eq!(status, 200);
    assert_eq!(
        log,
        [
            "info threads compare",
            "info grown",
            "info files are none",
            "info exited",
        ]
    );
}

#[test]
fn main_without_constructors_is_not_called() {
    let guest = include_str!("main-alone.wat");
    let answer = compare(guest, |running| ask(running, "/"));
    assert_eq!(answer, (200, vec!["info the start section ran".to_owned()]));
}

#[test]
fn an_allocator_may_grow_its_memory_but_not_tell() {
    let guest = include_str!("emscripten-growing.wat");
    let answers = compare(guest, |running| (ask(running, "/"), ask(running, "/after")));
    assert_eq!(answers, ((503, vec![]), (503, vec![])));
    let silent = guest.replace("(call $notify (i32.const 0))", "");
    let answer = compare(&silent, |running| ask(running, "/"));
    assert_eq!(answer, (200, vec![]));
}

#[test]
fn memory_and_table_may_be_the_hosts() {
    let guest = include_str!("emscripten-memory.wat");
    let answer = compare(guest, |running| ask(running, "/"));
    assert_eq!(
        answer,
        (200, vec!["info lives in the host's memory".to_owned()])
    );
}

#[test]
fn a_failed_assertion_has_no_import() {
    let guest = module(r#"(import "env" "__assert_fail" (func (param i32 i32 i32 i32)))"#);
    assert_eq!(
        refused(&guest, &["env.__assert_fail"]),
        "refuses: env.__assert_fail"
    );
}

#[test]
fn modules_for_dynamic_linking_are_refused() {
    let guest = module(r#"(import "env" "__memory_base" (global i32))"#);
    assert_eq!(
        refused(&guest, &["__memory_base"]).split(':').next(),
        Some("refuses")
    );
}
