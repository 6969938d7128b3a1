//! HTTP calls that start or do not.

use super::{get, http_call, pairs, reports_until, serve};
use crate::guest::{on_http_call_response, on_request_headers};
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "CO-01",
        text: "An HTTP call without a path, method or authority is a bad argument and makes its token 0.",
        verdict: Verdict::Same("call=2, token=0, call=2, token=0, call=2, token=0"),
        note: None,
        run: |host| {
            let header = [(":method", "GET"), (":path", "/"), (":authority", "a.test")];
            let calls = [0, 1, 2].map(|missing| {
                let mut headers = header.to_vec();
                headers.remove(missing);
                http_call("origin", &pairs(&headers), "0")
            });
            refused(host, &calls.concat())
        },
    },
    Statement {
        id: "CO-02",
        text: "An HTTP call to an unknown cluster is a bad argument.",
        verdict: Verdict::Same("call=2, token=0"),
        note: None,
        run: |host| refused(host, &http_call("nowhere", &get("/"), "0")),
    },
    Statement {
        id: "CO-03",
        text: "An HTTP call with a timeout of 2^31 milliseconds is a bad argument.",
        verdict: Verdict::Same("call=2, token=0"),
        note: None,
        run: |host| refused(host, &http_call("origin", &get("/"), "0x80000000")),
    },
    Statement {
        id: "CO-04",
        text: "An HTTP call whose token cannot be written is an invalid memory access and not made.",
        verdict: Verdict::Same("bad=6, call=0, token=4, response=4, requests: /good"),
        note: None,
        run: bad_token,
    },
    Statement {
        id: "CO-05",
        text: "The first HTTP calls of a VM have the tokens 4 and 8.",
        verdict: Verdict::Same("call=0, token=4, call=0, token=8"),
        note: None,
        run: |host| refused(host, &http_call("origin", &get("/a"), "0").repeat(2)),
    },
    Statement {
        id: "CO-11",
        text: "An HTTP call with a body has a content-length, whatever its headers say.",
        verdict: Verdict::Same("/with: 4, /without: none"),
        note: None,
        run: content_length,
    },
];

/// What is reported of calls that are refused, or whose end does not matter.
fn refused(host: &Host, calls: &str) -> String {
    let proxy = serve(host, &on_request_headers(calls, 0));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}

fn bad_token(host: &Host) -> String {
    let headers = get("/bad");
    let bad = format!(
        r#"(call $report @"bad" (call $proxy_http_call @"origin" {headers} (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))"#
    );
    let calls = bad + &http_call("origin", &get("/good"), "0");
    let response = r#"(call $report @"response" (local.get $token))"#;
    let fields = on_request_headers(&calls, 0) + &on_http_call_response(response);
    let proxy = serve(host, &fields);
    let reports = reports_until(&proxy, "response=");
    let received = proxy.origin().received();
    let paths = received.iter().map(|request| request.path.as_str());
    let paths: Vec<_> = paths.filter(|path| *path != "/").collect();
    format!("{reports}, requests: {}", paths.join(" "))
}

fn content_length(host: &Host) -> String {
    let call = |path: &str, body: &str| {
        let headers = pairs(&[
            (":method", "POST"),
            (":path", path),
            (":authority", "a.test"),
            ("content-length", "99"),
        ]);
        let headers = if body.is_empty() { get(path) } else { headers };
        format!(
            r#"(drop (call $proxy_http_call @"origin" {headers} @"{body}" (i32.const 0) (i32.const 0)
              (i32.const 0) (i32.const 0x400)))"#
        )
    };
    let response = r#"(call $report @"response" (local.get $token))"#;
    let calls = call("/with", "body") + &call("/without", "");
    let fields = on_request_headers(&calls, 0) + &on_http_call_response(response);
    let proxy = serve(host, &fields);
    assert_eq!(proxy.get("/").send().status, 200);
    let _reports = proxy.wait_for_nth("response=", 2);
    let received = proxy.origin().received();
    let length = |path: &str| {
        let request = received.iter().find(|request| request.path == path);
        let length = request.and_then(|request| request.header("content-length"));
        format!("{path}: {}", length.unwrap_or("none"))
    };
    [length("/with"), length("/without")].join(", ")
}
