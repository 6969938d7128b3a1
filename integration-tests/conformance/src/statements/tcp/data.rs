//! What a guest sees of a connection's bytes, and what it does to them.

use crate::guest::{callback, guest};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "TC-02",
        text: "proxy_on_downstream_data is told of all bytes that no earlier call has let pass.",
        verdict: Verdict::Same(
            "data=5, bytes=0 \"hello\", data=10, bytes=0 \"helloworld\"; echo: helloworld",
        ),
        note: None,
        run: stopped_data_is_seen_again,
    },
    Statement {
        id: "TC-03",
        text: "Changing the buffers 2 and 3 in their callbacks changes what is passed on.",
        verdict: Verdict::Same(
            "client's=0, upstream's in it=2, upstream's=0, client's in it=2; echo: <hello>",
        ),
        note: None,
        run: data_is_changed,
    },
    Statement {
        id: "TC-07",
        text: "source.address is there, and what is read from HTTP headers is NotFound.",
        verdict: Verdict::Same(
            "path=1, method=1, header=1, id=1, protocol=1, code=1, received=0, \
             source.address is the client's",
        ),
        note: None,
        run: properties,
    },
];

const DATA: [&str; 3] = ["id", "size", "end"];

fn on_downstream_data(body: &str, action: i32) -> String {
    callback("proxy_on_downstream_data", &DATA, Some(action), body)
}

fn stopped_data_is_seen_again(host: &Host) -> String {
    let stop = r#"
      (call $report @"data" (local.get $size))
      (call $buffer @"bytes" (i32.const 2) (i32.const 0) (i32.const 100))
      (if (i32.lt_u (local.get $size) (i32.const 10)) (then (return (i32.const 1))))"#;
    let guest = guest(&on_downstream_data(stop, 0));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"hello");
    drop(proxy.wait_for("bytes="));
    client.send(b"world");
    let echo = client.receive_text(10);
    format!("{}; echo: {echo}", proxy.reports().join(", "))
}

fn data_is_changed(host: &Host) -> String {
    let set = |label: &str, buffer: u32, start: u32, text: &str| {
        format!(
            r#"(call $report @"{label}" (call $proxy_set_buffer_bytes
                 (i32.const {buffer}) (i32.const {start}) (i32.const 0) @"{text}"))"#
        )
    };
    let down = set("client's", 2, 0, "<") + &set("upstream's in it", 3, 0, "x");
    let up = set("upstream's", 3, 99, ">") + &set("client's in it", 2, 0, "x");
    let guest = guest(&format!(
        "{}{}",
        on_downstream_data(&down, 0),
        callback("proxy_on_upstream_data", &DATA, Some(0), &up)
    ));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"hello");
    let echo = client.receive_text(7);
    format!("{}; echo: {echo}", proxy.reports().join(", "))
}

fn properties(host: &Host) -> String {
    let paths = [
        ("path", "request\\00path"),
        ("method", "request\\00method"),
        ("header", "request\\00headers\\00a"),
        ("id", "request\\00id"),
        ("protocol", "request\\00protocol"),
        ("code", "response\\00code"),
    ];
    let asked: String = paths
        .iter()
        .map(|(label, path)| format!(r#"(call $property @"{label}" @"{path}")"#))
        .collect();
    let body = format!(
        r#"{asked}
        (call $report @"received" (call $proxy_get_property @"request\00size"
          (i32.const 0x100) (i32.const 0x104)))
        (call $property @"source" @"source\00address")"#
    );
    let guest = guest(&on_downstream_data(&body, 0));
    let proxy = host.serve(&Setup::tcp(Plugin::wat(guest)));
    let mut client = proxy.tcp();
    client.send(b"hello");
    drop(client.receive(5));
    let mut reports = proxy.reports();
    let source = reports.pop().unwrap_or_default();
    let is_clients = source == format!("source=0 \"{}\"", client.address());
    let source = if is_clients {
        "the client's"
    } else {
        source.as_str()
    };
    format!("{}, source.address is {source}", reports.join(", "))
}
