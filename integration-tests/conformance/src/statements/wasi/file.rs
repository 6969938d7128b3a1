//! Files, of which there are none, and the end of a process that has none.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "WA-11",
        text: "proc_exit returns to the guest.",
        verdict: Verdict::Same("after=1"),
        note: Some("In WASI it does not return; guests that rely on that trap afterwards."),
        run: |host| {
            let body = r#"(call $proc_exit (i32.const 3)) (call $report @"after" (i32.const 1))"#;
            host.reports(&guest(&on_request_headers(body, 0)))
        },
    },
    Statement {
        id: "WA-12",
        text: "Descriptors 1 and 2 may be written to and nothing else, as fd_fdstat_get says; 0 and \
               3 are EBADF (8).",
        verdict: Verdict::Same(
            r"one=0, bytes=\x00\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff, two=0, zero=8, three=8",
        ),
        note: None,
        run: descriptors,
    },
    Statement {
        id: "WA-13",
        text: "There are no files and no sockets: fd_prestat_get is EBADF (8), path_open ENOENT \
               (44), fd_read ENOSYS (52); fd_close, fd_seek and sched_yield do nothing.",
        verdict: Verdict::Same(
            "fd_prestat_get=8, fd_prestat_dir_name=52, path_open=44, fd_read=52, fd_close=0, \
             fd_seek=0, fd_fdstat_set_flags=52, sched_yield=0; \
             fd_advise=0 0, fd_allocate=0 8, fd_datasync=0 8, fd_fdstat_set_rights=0 8, \
             fd_filestat_get=8 8, fd_filestat_set_size=0 8, fd_filestat_set_times=0 8, \
             fd_pread=52 52, fd_readdir=20 20, fd_renumber=58 8, fd_sync=0 8, fd_tell=0 8, \
             path_create_directory=58 58, path_filestat_get=58 58, \
             path_filestat_set_times=58 58, path_readlink=58 58, \
             path_remove_directory=58 58, path_rename=58 58, path_unlink_file=58 58, \
             sock_accept=58 58, sock_recv=58 58, sock_send=58 58, sock_shutdown=58 58",
        ),
        note: Some("After the semicolon: for descriptor 1, then for 3. ENOTDIR is 20, ENOTSUP 58."),
        run: |host| format!("{}; {}", files(host), further(host)),
    },
];

fn descriptors(host: &Host) -> String {
    let body = r#"
      (memory.fill (i32.const 0x200) (i32.const 0xff) (i32.const 32))
      (call $report @"one" (call $fd_fdstat_get (i32.const 1) (i32.const 0x200)))
      (call $show @"bytes" (i32.const 0x200) (i32.const 25))
      (call $report @"two" (call $fd_fdstat_get (i32.const 2) (i32.const 0x200)))
      (call $report @"zero" (call $fd_fdstat_get (i32.const 0) (i32.const 0x200)))
      (call $report @"three" (call $fd_fdstat_get (i32.const 3) (i32.const 0x200)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

fn files(host: &Host) -> String {
    let body = r#"
      (call $report @"fd_prestat_get" (call $fd_prestat_get (i32.const 3) (i32.const 0x200)))
      (call $report @"fd_prestat_dir_name" (call $fd_prestat_dir_name
        (i32.const 3) (i32.const 0x200) (i32.const 8)))
      (call $report @"path_open" (call $path_open (i32.const 3) (i32.const 0) @"file"
        (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0x200)))
      (call $report @"fd_read" (call $fd_read
        (i32.const 0) (i32.const 0x200) (i32.const 1) (i32.const 0x100)))
      (call $report @"fd_close" (call $fd_close (i32.const 3)))
      (call $report @"fd_seek" (call $fd_seek
        (i32.const 3) (i64.const 0) (i32.const 0) (i32.const 0x200)))
      (call $report @"fd_fdstat_set_flags" (call $fd_fdstat_set_flags
        (i32.const 1) (i32.const 0)))
      (call $report @"sched_yield" (call $sched_yield))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

/// The functions that old hosts lack, with their parameters after the descriptor.
const FURTHER: [(&str, &str); 23] = [
    ("fd_advise", "(i64.const 0) (i64.const 0) (i32.const 0)"),
    ("fd_allocate", "(i64.const 0) (i64.const 0)"),
    ("fd_datasync", ""),
    ("fd_fdstat_set_rights", "(i64.const 0) (i64.const 0)"),
    ("fd_filestat_get", "$place"),
    ("fd_filestat_set_size", "(i64.const 0)"),
    (
        "fd_filestat_set_times",
        "(i64.const 0) (i64.const 0) (i32.const 0)",
    ),
    (
        "fd_pread",
        "$place (i32.const 0) (i64.const 0) (i32.const 0x100)",
    ),
    (
        "fd_readdir",
        "$place (i32.const 8) (i64.const 0) (i32.const 0x100)",
    ),
    ("fd_renumber", "(i32.const 2)"),
    ("fd_sync", ""),
    ("fd_tell", "$place"),
    ("path_create_directory", "$path"),
    ("path_filestat_get", "(i32.const 0) $path $place"),
    (
        "path_filestat_set_times",
        "(i32.const 0) $path (i64.const 0) (i64.const 0) (i32.const 0)",
    ),
    (
        "path_readlink",
        "$path $place (i32.const 8) (i32.const 0x100)",
    ),
    ("path_remove_directory", "$path"),
    ("path_rename", "$path (i32.const 1) $path"),
    ("path_unlink_file", "$path"),
    ("sock_accept", "(i32.const 0) $place"),
    (
        "sock_recv",
        "$place (i32.const 0) (i32.const 0) (i32.const 0x100) (i32.const 0x104)",
    ),
    (
        "sock_send",
        "$place (i32.const 0) (i32.const 0) (i32.const 0x100)",
    ),
    ("sock_shutdown", "(i32.const 0)"),
];

fn further(host: &Host) -> String {
    let mut body = String::new();
    for (name, parameters) in FURTHER {
        let parameters = parameters
            .replace("$place", "(i32.const 0x200)")
            .replace("$path", r#"@"file""#);
        for descriptor in [1, 3] {
            body.push_str(&format!(
                r#"(call $report @"{name}" (call ${name} (i32.const {descriptor}) {parameters}))"#
            ));
        }
    }
    let reports = host.reports(&guest(&on_request_headers(&body, 0)));
    let reports: Vec<_> = reports.split(", ").collect();
    let of_both = reports
        .chunks(2)
        .zip(FURTHER)
        .map(|(reports, (name, _))| reports.join(" ").replace(&format!(" {name}="), " "));
    of_both.collect::<Vec<_>>().join(", ")
}
