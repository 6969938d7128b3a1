//! When a property can be read.

use super::reading;
use crate::guest::{guest, on_configure, on_log, on_request_headers, on_response_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::unrepeated;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "PR-10",
        text: "What is read from the request's headers is gone once they have gone on.",
        verdict: Verdict::Same(
            r#"request/path=0 "/a", request/headers/x-a=0 "b" then request/path=1, request/headers/x-a=1 then request/path=0 "/a", request/headers/x-a=0 "b""#,
        ),
        note: Some("In the log phase all is there again."),
        run: |host| in_phases(host, &["request/path", "request/headers/x-a"]),
    },
    Statement {
        id: "PR-11",
        text: "The response's code is an integer, known in the log phase.",
        verdict: Verdict::Same(
            r#"response/code=1 then response/code=0 "\xc8\x00\x00\x00\x00\x00\x00\x00" then response/code=0 "\xc8\x00\x00\x00\x00\x00\x00\x00""#,
        ),
        note: Some(
            "The reference has it known only once headers were sent; Envoy knows the code of an \
             upstream's response already in the headers callback.",
        ),
        run: |host| in_phases(host, &["response/code"]),
    },
    Statement {
        id: "PR-12",
        text: "The request's duration is known in the log phase only.",
        verdict: Verdict::Same("1 then 1 then 0"),
        note: None,
        run: duration,
    },
    Statement {
        id: "PR-13",
        text: "A root context knows the node and its plugin, and nothing of a stream.",
        verdict: Verdict::Same(
            r#"request/path=1, connection/id=1, connection_id=1, xds/cluster_name=1, xds/listener_direction=1, metadata=1, xds/node/id=0 "", plugin_name=0 "guest""#,
        ),
        note: None,
        run: in_root,
    },
];

/// What a guest reads in its headers callbacks and in the log phase.
fn phases(host: &Host, paths: &[&str]) -> [String; 3] {
    let read = reading(paths);
    let module = guest(
        &[
            on_request_headers(&read, 0),
            on_response_headers(&read, 0),
            on_log(&format!("{read} (call $say @\"logged\")")),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let request = proxy.get("/a").header("x-a", "b");
    assert_eq!(request.send().status, 200);
    let reports = proxy.wait_for("logged");
    let phase = |index: usize| {
        let chunk = reports.chunks(paths.len()).nth(index);
        chunk.unwrap_or_default().join(", ")
    };
    [phase(0), phase(1), phase(2)]
}

fn in_phases(host: &Host, paths: &[&str]) -> String {
    phases(host, paths).join(" then ")
}

fn duration(host: &Host) -> String {
    let status = |report: String| {
        let (_, answer) = report.split_once('=').expect("a report has a value");
        let status = answer.split(' ').next();
        status.unwrap_or_default().to_owned()
    };
    phases(host, &["request/duration"])
        .map(status)
        .join(" then ")
}

fn in_root(host: &Host) -> String {
    let stream = ["request/path", "connection/id", "connection_id"];
    let route = ["xds/cluster_name", "xds/listener_direction", "metadata"];
    let own = ["xds/node/id", "plugin_name"];
    let paths: Vec<_> = [&stream[..], &route, &own].concat();
    let module = guest(&on_configure(&reading(&paths), 1));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    unrepeated(&proxy.reports()).join(", ")
}
