//! `TinyGo`, and the allocator of Go, which panics when it is asked for nothing.

use crate::{ask, compare, refused};

const GUEST: &str = include_str!("tinygo.wat");

#[test]
fn a_command_lives_on_after_its_start() {
    let (started, status) = compare(GUEST, |running| {
        let started = running
            .log()
            .into_iter()
            .find(|line| line.contains("started"));
        (started, ask(running, "/").0)
    });
    assert_eq!(started.as_deref(), Some("info started"));
    assert_eq!(status, 200);
}

#[test]
fn an_allocator_is_never_asked_for_nothing() {
    let (status, log) = compare(GUEST, |running| ask(running, "/"));
    assert_eq!(status, 200);
    assert_eq!(
        log,
        ["info empty has no address", "info nothing is a zero map"]
    );
}

#[test]
fn of_two_allocators_only_malloc_is_called() {
    // Here the other one would answer, and `malloc` traps when it has to give something.
    let swapped = GUEST
        .replace(
            "(i32.eqz (local.get $size)) (then",
            "(local.get $size) (then",
        )
        .replace(
            "\"proxy_on_memory_allocate\") (param i32) (result i32) (unreachable)",
            "\"proxy_on_memory_allocate\") (param i32) (result i32) (i32.const 0x4000)",
        )
        .replace("\"x-empty\"", "\":method\"");
    // What the guest still does after that in its callback is the host's affair.
    let status = compare(&swapped, |running| ask(running, "/").0);
    assert_eq!(status, 503);
}

#[test]
fn a_start_function_may_not_exit() {
    let guest = include_str!("tinygo-exit.wat");
    let words = ["restricted_callback"];
    assert_eq!(refused(guest, &words), "refuses: restricted_callback");
}
