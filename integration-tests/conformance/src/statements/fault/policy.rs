//! What becomes of requests when a plugin crashes.

use crate::guest::{guest, on_response_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

use super::{REPLACED, crashing};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "FA-01",
        text: "a crash in request headers is answered 503 without a body, and the VM is not entered again",
        verdict: Verdict::Differs {
            envoy: "200 503 \"\" 503, called=2 called=3",
            tollgate: "200 503 \"\" 200, called=2 called=3 called=2",
            reason: REPLACED,
        },
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(crashing("")));
            let before = proxy.get("/").send().status;
            let answer = crash(&proxy);
            let after = proxy.get("/").send().status;
            let reports = proxy.reports().join(" ");
            format!("{before} {answer} {after}, {reports}")
        },
    },
    Statement {
        id: "FA-02",
        text: "with fail_open the request that saw the crash passes, and so do later ones",
        verdict: Verdict::Differs {
            envoy: "200 200, called=2, 2 requests upstream",
            tollgate: "200 200, called=2 called=2, 2 requests upstream",
            reason: REPLACED,
        },
        note: None,
        run: |host| {
            let proxy = host.serve(&Setup::http(crashing("").fail_open()));
            let crashed = proxy.get("/").header("x-crash", "1").send().status;
            let after = proxy.get("/").send().status;
            let requests = proxy.origin().received().len();
            let reports = proxy.reports().join(" ");
            format!("{crashed} {after}, {reports}, {requests} requests upstream")
        },
    },
    Statement {
        id: "FA-03",
        text: "a crash in response headers is answered 503",
        verdict: Verdict::Same("503 \"\""),
        note: None,
        run: |host| {
            let fields = on_response_headers("(unreachable)", 0);
            let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
            let answer = proxy.get("/").send();
            format!("{} {:?}", answer.status, answer.text())
        },
    },
    Statement {
        id: "FA-04",
        text: "with FAIL_OPEN the request that saw the crash is answered 503, and later ones pass by the plugin",
        verdict: Verdict::Differs {
            envoy: "503 \"\" 200, called=2",
            tollgate: "503 \"\" 200, called=2 called=2",
            reason: REPLACED,
        },
        note: None,
        run: |host| {
            let plugin = crashing("").failure_policy("FAIL_OPEN");
            let proxy = host.serve(&Setup::http(plugin));
            let answer = crash(&proxy);
            let after = proxy.get("/").send().status;
            format!("{answer} {after}, {}", proxy.reports().join(" "))
        },
    },
    Statement {
        id: "FA-06",
        text: "fail_open and failure_policy together are refused",
        verdict: Verdict::Same("refuses: fail_open, failure_policy"),
        note: None,
        run: |host| {
            let plugin = crashing("").fail_open().failure_policy("FAIL_CLOSED");
            host.reaction(&Setup::http(plugin), &["fail_open", "failure_policy"])
        },
    },
    Statement {
        id: "FA-16",
        text: "a crash in a gRPC request is answered with grpc-status 14",
        verdict: Verdict::Same("200 application/grpc 14"),
        note: None,
        run: grpc_status,
    },
];

/// A request that makes the guest crash: its status and body.
pub(super) fn crash(proxy: &Running) -> String {
    let answer = proxy.get("/").header("x-crash", "1").send();
    format!("{} {:?}", answer.status, answer.text())
}

fn grpc_status(host: &Host) -> String {
    let proxy = host.serve(&Setup::http(crashing("")));
    let crash = proxy.post("/service/Method").header("x-crash", "1");
    let answer = crash.grpc().send();
    let header = |name| answer.header(name).unwrap_or("none");
    let (kind, status) = (header("content-type"), header("grpc-status"));
    format!("{} {kind} {status}", answer.status)
}
