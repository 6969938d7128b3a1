//! How a path is read.

use super::{read, reading};
use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "PR-01",
        text: "The parts of a path have a NUL between them, and may have one at the end.",
        verdict: Verdict::Same(
            r#"request/path=0 "/file?a=1&b=2", request/path/=0 "/file?a=1&b=2", request//path=1"#,
        ),
        note: None,
        run: |host| shown(host, &["request/path", "request/path/", "request//path"]),
    },
    Statement {
        id: "PR-02",
        text: "An empty path is a failure of serialization.",
        verdict: Verdict::Same("=3"),
        note: None,
        run: |host| shown(host, &[""]),
    },
    Statement {
        id: "PR-03",
        text: "An unknown name is not found, nor is anything below a value without parts.",
        verdict: Verdict::Same(
            "none=1, none/path=1, request/none=1, request/path/none=1, xds/none=1",
        ),
        note: None,
        run: |host| {
            let below = "request/path/none";
            shown(
                host,
                &["none", "none/path", "request/none", below, "xds/none"],
            )
        },
    },
    Statement {
        id: "PR-04",
        text: "A namespace itself cannot be returned.",
        verdict: Verdict::Same(
            "request=3, response=3, connection=3, upstream=3, source=3, destination=3, xds=3, \
             filter_state=3",
        ),
        note: None,
        run: |host| {
            let streams = ["request", "response", "connection", "upstream"];
            let others = ["source", "destination", "xds", "filter_state"];
            shown(host, &[streams, others].concat())
        },
    },
    Statement {
        id: "PR-05",
        text: "The path is split at its question mark; without one the query is there and empty.",
        verdict: Verdict::Same(
            r#"request/url_path=0 "/file", request/query=0 "a=1&b=2"; without: request/query=0 """#,
        ),
        note: None,
        run: split_path,
    },
    Statement {
        id: "PR-06",
        text: "Header names in a path ignore case, and several values are joined by a comma.",
        verdict: Verdict::Same(
            r#"request/headers/x-mixed=0 "one,two", request/headers/X-Mixed=0 "one,two", request/headers/:method=0 "POST", request/headers/x-none=1"#,
        ),
        note: None,
        run: |host| {
            let names = ["x-mixed", "X-Mixed", ":method", "x-none"];
            let paths = names.map(|name| format!("request/headers/{name}"));
            shown(host, &paths.each_ref().map(String::as_str))
        },
    },
    Statement {
        id: "PR-14",
        text: "The names that stood at the top before xds are gone.",
        verdict: Verdict::Same(
            "node=1, cluster_name=1, cluster_metadata=1, route_name=1, route_metadata=1, \
             listener_direction=1, listener_metadata=1, upstream_host_metadata=1",
        ),
        note: Some("They were removed in Envoy 1.33."),
        run: |host| {
            let route = ["node", "cluster_name", "cluster_metadata", "route_name"];
            let rest = [
                "route_metadata",
                "listener_direction",
                "listener_metadata",
                "upstream_host_metadata",
            ];
            shown(host, &[route, rest].concat())
        },
    },
];

fn shown(host: &Host, paths: &[&str]) -> String {
    read(host, paths).join(", ")
}

fn split_path(host: &Host) -> String {
    let with = shown(host, &["request/url_path", "request/query"]);
    format!("{with}; without: {}", without_query(host))
}

fn without_query(host: &Host) -> String {
    let module = guest(&on_request_headers(&reading(&["request/query"]), 0));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    assert_eq!(proxy.get("/file").send().status, 200);
    proxy.reports().join(", ")
}
