//! How a connection begins and ends.

use tollgate_integration_tests::client::TcpEnd;

use crate::guest::{callback, guest, on_delete, on_done, on_log, on_tick};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "TC-01",
        text: "When proxy_on_new_connection stops, nothing happens to the connection until \
               continue_stream(2): no upstream is connected, and no byte is read.",
        verdict: Verdict::Same("new, effective=0, continue=0, data=5; echo: hello"),
        note: Some(
            "It is the TCP proxy behind the guest that keeps the bytes from being read; before an \
             HTTP connection manager they are read, and proxy_on_downstream_data is called.",
        ),
        run: a_stopped_connection_waits,
    },
    Statement {
        id: "TC-04",
        text: "A closed connection is proxy_on_downstream_connection_close with 1 for the host or 2 \
               for the client, whoever ended last, then proxy_on_done, proxy_on_log, proxy_on_delete.",
        verdict: Verdict::Same("close=1, done, log, delete, close=2, done, log, delete"),
        note: None,
        run: the_end_of_a_connection,
    },
    Statement {
        id: "TC-05",
        text: "The end of the upstream's data is proxy_on_upstream_connection_close with 0.",
        verdict: Verdict::Same("upstream close=0; client got bye"),
        note: None,
        run: the_end_of_the_upstream,
    },
    Statement {
        id: "TC-06",
        text: "close_stream(2) closes the connection when the callback has returned; what has passed \
               before is delivered, what the callback holds is dropped.",
        verdict: Verdict::Same(
            "close=0, closed by=1; echo: hello, then 0 bytes; upstream got only that: true",
        ),
        note: None,
        run: closing_keeps_what_has_passed,
    },
];

const NEW: &[&str] = &["id"];
const DATA: &[&str] = &["id", "size", "end"];
const CLOSE: &[&str] = &["id", "by"];

fn a_stopped_connection_waits(host: &Host) -> String {
    let new = r#"(global.set $stream (local.get $id)) (call $say @"new")
      (drop (call $proxy_set_tick_period_milliseconds (i32.const 50)))"#;
    let tick = r#"(drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))
      (call $report @"effective" (call $proxy_set_effective_context (global.get $stream)))
      (call $report @"continue" (call $proxy_continue_stream (i32.const 2)))"#;
    let data = r#"(call $report @"data" (local.get $size))"#;
    let guest = guest(&format!(
        "(global $stream (mut i32) (i32.const 0)) {}{}{}",
        callback("proxy_on_new_connection", NEW, Some(1), new),
        on_tick(tick),
        callback("proxy_on_downstream_data", DATA, Some(0), data),
    ));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"hello");
    let echo = client.receive_text(5);
    format!("{}; echo: {echo}", proxy.reports().join(", "))
}

fn the_end_of_a_connection(host: &Host) -> String {
    let closed = r#"(call $report @"close" (local.get $by))"#;
    // Only streams are of interest: roots end too.
    let of_stream = |text: &str| {
        format!(r#"(if (i32.gt_u (local.get $id) (i32.const 1)) (then (call $say @"{text}")))"#)
    };
    let guest = guest(&format!(
        "{}{}{}{}",
        callback("proxy_on_downstream_connection_close", CLOSE, None, closed),
        on_done(&of_stream("done"), 1),
        on_log(&of_stream("log")),
        on_delete(&of_stream("delete")),
    ));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut ends_first = proxy.tcp();
    ends_first.end();
    assert_eq!(ends_first.rest_text(), "");
    drop(proxy.wait_for("delete"));
    let mut ends_last = proxy.tcp();
    ends_last.send(b"close");
    assert_eq!(ends_last.rest_text(), "bye");
    ends_last.end();
    proxy.wait_for_nth("delete", 2).join(", ")
}

fn the_end_of_the_upstream(host: &Host) -> String {
    let closed = r#"(call $report @"upstream close" (local.get $by))"#;
    let name = "proxy_on_upstream_connection_close";
    let guest = guest(&callback(name, CLOSE, None, closed));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"close");
    let got = client.rest_text();
    format!("{}; client got {got}", proxy.reports().join(", "))
}

fn closing_keeps_what_has_passed(host: &Host) -> String {
    let data = r#"
      (if (i32.eq (local.get $size) (i32.const 4))
        (then (call $report @"close" (call $proxy_close_stream (i32.const 2)))))"#;
    let closed = r#"(call $report @"closed by" (local.get $by))"#;
    let guest = guest(&format!(
        "{}{}",
        callback("proxy_on_downstream_data", DATA, Some(0), data),
        callback("proxy_on_downstream_connection_close", CLOSE, None, closed),
    ));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"hello");
    let echo = client.receive_text(5);
    client.send(b"quit");
    let (rest, end) = client.rest();
    assert_eq!(end, TcpEnd::Closed);
    let reports = proxy.wait_for("closed by=").join(", ");
    let upstream = proxy.origin().wait_for_tcp(b"hello");
    format!(
        "{reports}; echo: {echo}, then {} bytes; upstream got only that: {upstream}",
        rest.len()
    )
}
