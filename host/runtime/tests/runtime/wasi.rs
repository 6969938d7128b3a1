//! WASI, with the answers of Envoy.

use tollgate_runtime::VmConfig;
use tollgate_runtime::abi::LogLevel;

use crate::support::{on_request_headers, plugin_config, start, start_with, vm_config};

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
"#;

fn says(body: &str) -> Vec<String> {
    start(&(IMPORTS.to_owned() + &on_request_headers(body))).request(&[])
}

/// Two vectors at 0x300 that point at two strings, and the call.
fn write_two(fd: i32) -> String {
    format!(
        r#"(i32.store (i32.const 0x300) (i32.const 0x400)) (i32.store (i32.const 0x304) (i32.const 1))
           (i32.store (i32.const 0x308) (i32.const 0x500)) (i32.store (i32.const 0x30c) (i32.const 5))
           (i32.store8 (i32.const 0x400) (i32.const 97))
           (i32.store (i32.const 0x500) (i32.const 0x0a630a62)) (i32.store8 (i32.const 0x504) (i32.const 10))
           (call $say (call $fd_write (i32.const {fd}) (i32.const 0x300) (i32.const 2) (i32.const 0x310)))
           (call $say (i32.load (i32.const 0x310)))"#
    )
}

#[test]
fn a_write_is_one_record_without_its_last_line_end() {
    let body = write_two(1);
    assert_eq!(says(&body), ["ab\\nc\\n", "0", "6"]);
}

#[test]
fn standard_output_is_info_and_standard_error_is_error() {
    for (fd, level) in [(1, LogLevel::Info), (2, LogLevel::Error)] {
        let mut plugin = start(&(IMPORTS.to_owned() + &on_request_headers(&write_two(fd))));
        let (id, _) = plugin.stream(&[]);
        plugin.vm.on_request_headers(id, true).unwrap();
        assert_eq!(plugin.services.lines.borrow()[0].1, level);
    }
}

#[test]
fn other_descriptors_cannot_be_written() {
    assert_eq!(says(&write_two(3))[0], "8");
    assert_eq!(says(&write_two(0))[0], "8");
}

#[test]
fn writing_nothing_is_no_record() {
    let body = r#"(i32.store (i32.const 0x310) (i32.const 99))
        (call $say (call $fd_write (i32.const 1) (i32.const 0x300) (i32.const 0) (i32.const 0x310)))
        (call $say (i32.load (i32.const 0x310)))"#;
    assert_eq!(says(body), ["0", "0"]);
}

#[test]
fn a_vector_outside_memory_is_a_bad_address() {
    let body = r#"(i32.store (i32.const 0x300) (i32.const -1)) (i32.store (i32.const 0x304) (i32.const 2))
        (call $say (call $fd_write (i32.const 1) (i32.const 0x300) (i32.const 1) (i32.const 0x310)))
        (call $say (call $fd_write (i32.const 1) (i32.const -8) (i32.const 9) (i32.const 0x310)))
        (call $say (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0x310)))"#;
    assert_eq!(says(body), ["21", "21", "21"]);
}

#[test]
fn a_record_beyond_one_mebibyte_is_a_short_write() {
    let body = r#"(drop (memory.grow (i32.const 32)))
        (i32.store (i32.const 0x300) (i32.const 0x10000)) (i32.store (i32.const 0x304) (i32.const 0x180000))
        (call $say (call $fd_write (i32.const 1) (i32.const 0x300) (i32.const 1) (i32.const 0x310)))
        (call $say (i32.load (i32.const 0x310)))"#;
    assert_eq!(says(body)[1..], ["0", "1048576"]);
}

#[test]
fn the_environment_is_what_is_configured() {
    let body = on_request_headers(
        r#"(call $say (call $environ_sizes_get (i32.const 0x300) (i32.const 0x304)))
           (call $say (i32.load (i32.const 0x300))) (call $say (i32.load (i32.const 0x304)))
           (call $say (call $environ_get (i32.const 0x310) (i32.const 0x400)))
           (call $show (i32.const 0x400) (i32.load (i32.const 0x304)))
           (call $show (i32.load (i32.const 0x314)) (i32.const 3))"#,
    );
    let environment = vec![
        ("KEY".to_owned(), "value".to_owned()),
        ("B".to_owned(), String::new()),
    ];
    let vm = VmConfig {
        environment,
        ..vm_config()
    };
    let mut plugin = start_with(&(IMPORTS.to_owned() + &body), vm, plugin_config()).unwrap();
    assert_eq!(
        plugin.request(&[]),
        ["0", "2", "13", "0", "KEY=value\\x00B=\\x00", "B=\\x00"]
    );
}

#[test]
fn there_are_no_arguments() {
    let body = r#"(i64.store (i32.const 0x300) (i64.const -1))
        (call $say (call $args_sizes_get (i32.const 0x300) (i32.const 0x304)))
        (call $say (i32.load (i32.const 0x300))) (call $say (i32.load (i32.const 0x304)))
        (call $say (call $args_sizes_get (i32.const -1) (i32.const 0x304)))"#;
    assert_eq!(says(body), ["0", "0", "0", "21"]);
}

#[test]
fn there_are_two_clocks() {
    let body = r#"(call $say (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 0x300)))
        (call $say (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 0x308)))
        (call $say (call $proxy_get_current_time_nanoseconds (i32.const 0x310)))
        (call $say (i64.eq (i64.load (i32.const 0x308)) (i64.load (i32.const 0x310))))
        (call $say (call $clock_time_get (i32.const 2) (i64.const 0) (i32.const 0x300)))
        (call $say (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const -4)))
        (call $say (call $clock_res_get (i32.const 0) (i32.const 0x300)))
        (call $say (call $clock_res_get (i32.const 3) (i32.const 0x300)))"#;
    assert_eq!(says(body), ["0", "0", "0", "1", "58", "21", "0", "58"]);
}

#[test]
fn random_numbers_come_in_limited_amounts() {
    let body = r#"(call $say (call $random_get (i32.const 0x300) (i32.const 4)))
        (call $say (i32.load (i32.const 0x300)))
        (call $say (call $random_get (i32.const 0x10000) (i32.const 65536)))
        (call $say (call $random_get (i32.const 0x10000) (i32.const 65537)))
        (call $say (call $random_get (i32.const -1) (i32.const 0)))
        (call $say (call $random_get (i32.const -1) (i32.const 1)))"#;
    assert_eq!(says(body), ["0", "117901063", "0", "28", "0", "21"]);
}

#[test]
fn proc_exit_returns_to_the_guest() {
    assert_eq!(
        says("(call $proc_exit (i32.const 255)) (call $say (i32.const 1))"),
        ["1"]
    );
}

#[test]
fn standard_output_can_be_written_and_nothing_else() {
    let body = r#"(call $say (call $fd_fdstat_get (i32.const 1) (i32.const 0x300)))
        (call $show (i32.const 0x300) (i32.const 24))
        (call $say (call $fd_fdstat_get (i32.const 0) (i32.const 0x300)))
        (call $say (call $fd_fdstat_get (i32.const 1) (i32.const -1)))"#;
    let stat = "\\x00".repeat(8) + "@" + &"\\x00".repeat(15);
    assert_eq!(
        says(body),
        ["0".to_owned(), stat, "8".to_owned(), "0".to_owned()]
    );
}

#[test]
fn files_do_not_exist() {
    let body = r#"(call $say (call $fd_prestat_get (i32.const 3) (i32.const 0x300)))
        (call $say (call $path_open (i32.const 3) (i32.const 0) @"a" (i32.const 0) (i64.const 0)
          (i64.const 0) (i32.const 0) (i32.const 0x300)))
        (call $say (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $say (call $fd_close (i32.const 9)))
        (call $say (call $fd_seek (i32.const 9) (i64.const 0) (i32.const 0) (i32.const 0)))
        (call $say (call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0x300)))
        (call $say (call $sched_yield))"#;
    assert_eq!(says(body), ["8", "44", "52", "0", "0", "20", "0"]);
}

#[test]
fn waiting_returns_at_once_without_events() {
    let body = r#"(i32.store (i32.const 0x300) (i32.const 5))
        (call $say (call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0x300)))
        (call $say (i32.load (i32.const 0x300)))"#;
    assert_eq!(says(body), ["0", "0"]);
}
