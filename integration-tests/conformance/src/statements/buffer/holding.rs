//! Bodies that a guest holds back, drops, or sees end.

use tollgate_integration_tests::client::{Body, Gate};
use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_log, on_request_body, on_request_headers, on_request_trailers, on_response_body,
    on_response_headers, on_response_trailers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::observation::reports;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "BU-14",
        text: "While a body is buffered each callback sees all that came so far.",
        verdict: Verdict::Same(
            "request=4 one , request=8 one two , request=13 one two three, request=13! one two \
             three, response=4 one , response=8 one two , response=13 one two three, response=13! \
             one two three, upstream: one two three, client: one two three",
        ),
        note: Some(
            "Over HTTP/1 the end of a body has a callback of its own. A report has the size, `!` at the end of the stream, and the bytes.",
        ),
        run: cumulative,
    },
    Statement {
        id: "BU-15",
        text: "A body that is buffered to its end and changed reaches the peer whole and once.",
        verdict: Verdict::Same("upstream: ONE two three!, client: ONE two three!"),
        note: None,
        run: whole_once,
    },
    Statement {
        id: "BU-16",
        text: "A body that is buffered beyond the limit is answered with 413 for a request and 500 \
               for a response, or ends a response that has begun.",
        verdict: Verdict::Same(
            "request: 413 Payload Too Large, response: 500 Internal Server Error, begun response: \
             200 complete false",
        ),
        note: None,
        run: beyond_limit,
    },
    Statement {
        id: "BU-17",
        text: "StopIterationNoBuffer drops the bytes of its callback.",
        verdict: Verdict::Same(
            "request=4 one , request=4 two , request=5 three, request=0! , response=4 one , \
             response=4 two , response=5 three, response=0! , upstream: three, client: three",
        ),
        note: Some("A report has the size, `!` at the end of the stream, and the bytes."),
        run: dropped,
    },
    Statement {
        id: "BU-18",
        text: "If trailers follow, no body callback ends the stream, and to continue from the \
               trailers lets go what was buffered.",
        verdict: Verdict::Same(
            "request=10 whole body, request trailer=0 \"v\", response=10 whole body, response \
             trailer=0 \"v\", upstream: whole body {\"t\": \"v\"}, client: whole body {\"t\": \
             \"v\"}",
        ),
        note: Some("A report has the size, `!` at the end of the stream, and the bytes."),
        run: before_trailers,
    },
    Statement {
        id: "BU-19",
        text: "A body of unknown length comes in several callbacks, of which the last ends the \
               stream.",
        verdict: Verdict::Same(
            "request headers end=0, request=4 one , request=4 two , request=5 three, request=0! , \
             response headers end=0, response=4 one , response=4 two , response=5 three, \
             response=0! , upstream: one two three, client: one two three",
        ),
        note: Some("A report has the size, `!` at the end of the stream, and the bytes."),
        run: unknown_length,
    },
];

/// Says what a body callback is told and sees.
const SEEN: &str = r#"
  (func $seen (param $label i32) (param $label_size i32)
              (param $type i32) (param $size i32) (param $end i32)
    (drop (call $proxy_get_buffer_bytes (local.get $type) (i32.const 0) (i32.const 1000)
      (i32.const 0x100) (i32.const 0x104)))
    (call $line_begin (local.get $label) (local.get $label_size))
    (call $line_number (i64.extend_i32_s (local.get $size)))
    (if (local.get $end) (then (call $line_byte (i32.const 33))))
    (call $line_byte (i32.const 32))
    (call $line_text (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104)))
    (call $line_log))
"#;

fn seen(label: &str, kind: u32) -> String {
    format!(r#"(call $seen @"{label}" (i32.const {kind}) (local.get $size) (local.get $end))"#)
}

/// A body in three pieces, each sent when the guest has seen the one before.
struct Pieces([Gate; 3]);

impl Pieces {
    fn new() -> Self {
        Self([Gate::closed(), Gate::closed(), Gate::closed()])
    }

    fn body(&self) -> Body {
        let Self([second, third, end]) = self;
        let body = Body::chunks().chunk("one ").wait(second).chunk("two ");
        body.wait(third).chunk("three").wait(end)
    }

    /// Lets them come; `label` is of the guest's reports.
    fn send(&self, proxy: &Running, label: &str) {
        for (index, gate) in self.0.iter().enumerate() {
            drop(proxy.wait_for_nth(&format!("{label}="), index + 1));
            gate.open();
        }
    }
}

/// Sends a request and a response in three pieces each.
fn exchange(proxy: &Running, path: &str) -> (String, String) {
    let (request, response) = (Pieces::new(), Pieces::new());
    proxy.origin().answer(path, Answer::stream(response.body()));
    let pending = proxy.post(path).stream(request.body()).start();
    request.send(proxy, "request");
    response.send(proxy, "response");
    let answer = pending.finish();
    (proxy.origin().only_request().text(), answer.text())
}

fn cumulative(host: &Host) -> String {
    let until_end = "(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))";
    let text = guest(
        &[
            SEEN.to_owned(),
            on_request_body(&(seen("request", 0) + until_end), 0),
            on_response_body(&(seen("response", 1) + until_end), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let (upstream, client) = exchange(&proxy, "/");
    format!(
        "{}, upstream: {upstream}, client: {client}",
        reports(&proxy)
    )
}

fn whole_once(host: &Host) -> String {
    let change = |kind: u32| {
        format!(
            r#"(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
               (drop (call $proxy_set_buffer_bytes (i32.const {kind})
                 (i32.const 0) (i32.const 3) @"ONE"))
               (drop (call $proxy_set_buffer_bytes (i32.const {kind})
                 (i32.const 1000) (i32.const 0) @"!"))"#
        )
    };
    let text = guest(
        &[
            SEEN.to_owned(),
            on_request_body(&(seen("request", 0) + &change(0)), 0),
            on_response_body(&(seen("response", 1) + &change(1)), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let (upstream, client) = exchange(&proxy, "/");
    format!("upstream: {upstream}, client: {client}")
}

fn beyond_limit(host: &Host) -> String {
    let until_end = "(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))";
    let text = guest(
        &[
            on_request_body(until_end, 0),
            on_response_headers(
                r#"(i32.store (i32.const 0x104) (i32.const 0))
                   (drop (call $proxy_get_header_map_value (i32.const 2) @"x-hold"
                     (i32.const 0x100) (i32.const 0x104)))
                   (if (i32.load (i32.const 0x104)) (then (return (i32.const 1))))"#,
                0,
            ),
            on_response_body(until_end, 0),
        ]
        .concat(),
    );
    let plugin = Plugin::wat(text).allow_stop_iteration();
    let proxy = host.serve(&Setup::http(plugin).buffer_limit(1024));
    let long = "x".repeat(20_000);
    let request = proxy.post("/request").body(long.clone()).send();
    let held = Answer::text(long.clone()).header("x-hold", "1");
    proxy.origin().answer("/held", held);
    proxy.origin().answer("/begun", Answer::text(long));
    let held = proxy.get("/held").send();
    let begun = proxy.get("/begun").send();
    format!(
        "request: {} {}, response: {} {}, begun response: {} complete {}",
        request.status,
        request.text(),
        held.status,
        held.text(),
        begun.status,
        begun.complete
    )
}

fn dropped(host: &Host) -> String {
    let drop_two = "(if (i32.and (i32.eq (local.get $size) (i32.const 4))
                      (i32.eqz (local.get $end))) (then (return (i32.const 3))))";
    let text = guest(
        &[
            SEEN.to_owned(),
            on_request_body(&(seen("request", 0) + drop_two), 0),
            on_response_body(&(seen("response", 1) + drop_two), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let (upstream, client) = exchange(&proxy, "/");
    format!(
        "{}, upstream: {upstream}, client: {client}",
        reports(&proxy)
    )
}

fn before_trailers(host: &Host) -> String {
    let text = guest(
        &[
            SEEN.to_owned(),
            on_request_body(&seen("request", 0), 1),
            on_request_trailers(r#"(call $get @"request trailer" (i32.const 1) @"t")"#, 0),
            on_response_body(&seen("response", 1), 1),
            on_response_trailers(r#"(call $get @"response trailer" (i32.const 3) @"t")"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let body = Body::chunks().chunk("whole body").trailers(&[("t", "v")]);
    proxy
        .origin()
        .answer("/http2", Answer::stream(body.clone()));
    let response = proxy.post("/http2").http2().stream(body).send();
    let upstream = proxy.origin().only_request();
    format!(
        "{}, upstream: {} {:?}, client: {} {:?}",
        reports(&proxy),
        upstream.text(),
        upstream.trailers.unwrap_or_default(),
        response.text(),
        response.trailers.unwrap_or_default(),
    )
}

fn unknown_length(host: &Host) -> String {
    let text = guest(
        &[
            SEEN.to_owned(),
            on_request_headers(
                r#"(call $report @"request headers end" (local.get $end))"#,
                0,
            ),
            on_request_body(&seen("request", 0), 0),
            on_response_headers(
                r#"(call $report @"response headers end" (local.get $end))"#,
                0,
            ),
            on_response_body(&seen("response", 1), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let (upstream, client) = exchange(&proxy, "/");
    format!(
        "{}, upstream: {upstream}, client: {client}",
        reports(&proxy)
    )
}
