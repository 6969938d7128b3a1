//! gRPC streams.

use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::origin::body::{Body, Gate};

use super::{
    grpc_call, grpc_cancel, grpc_close, grpc_events, grpc_send, grpc_stream, reports_until, serve,
};
use crate::guest::on_request_headers;
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "CO-18",
        text: "A gRPC stream is told initial metadata, messages, trailing metadata and its close.",
        verdict: Verdict::Same(
            "stream=0, token=6, send=0, receive_initial_metadata=6, metadata=0 \"i\", receive=6, \
             received=0 \"one\", receive=6, received=0 \"two\", receive_trailing_metadata=6, \
             metadata=0 \"0\", close=6, status=0, message=0 \"via_upstream\", code=0; trailers \
             only: stream=0, token=6, send=0, receive_initial_metadata=6, metadata=1, \
             receive_trailing_metadata=6, metadata=0 \"5\", close=6, status=5, message=0 \
             \"gone{via_upstream}\", code=5",
        ),
        note: None,
        run: order,
    },
    Statement {
        id: "CO-19",
        text: "A message cannot be sent on a call, nor on a stream that there is not.",
        verdict: Verdict::Same("call=0, token=5, send=2, send=1, send=2"),
        note: None,
        run: |host| {
            let body = grpc_call(r#"@"http2""#, "Do")
                + &grpc_send(5, "x", 0)
                + &grpc_send(6, "x", 0)
                + &grpc_send(4, "x", 0);
            let proxy = serve(host, &on_request_headers(&body, 0));
            assert_eq!(proxy.get("/").send().status, 200);
            proxy.reports().join(", ")
        },
    },
    Statement {
        id: "CO-20",
        text: "A cancelled call or stream is not heard of again, and its token is forgotten.",
        verdict: Verdict::Same(
            "stream=0, token=6, call=0, token=5, cancel=0, cancel=1, cancel=0, cancel=1, call=0, \
             token=9, receive=9, received=0 \"pong\", again",
        ),
        note: None,
        run: cancelled,
    },
    Statement {
        id: "CO-21",
        text: "Closing a stream ends the request only; the upstream still answers and its close comes.",
        verdict: Verdict::Same(
            "stream=0, token=6, send=0, close=0, send=0, close=0, receive_initial_metadata=6, \
             metadata=0 \"i\", receive=6, received=0 \"pong\", receive_trailing_metadata=6, \
             metadata=0 \"0\", close=6, status=0, message=0 \"via_upstream\", code=0; request: \
             \\x00\\x00\\x00\\x00\\x04ping",
        ),
        note: Some("What is sent after the end of the request is dropped, and the status is Ok."),
        run: half_closed,
    },
];

fn answer(body: Body) -> Answer {
    Answer::grpc(body.grpc_status("0", "")).header("x-init", "i")
}

fn order(host: &Host) -> String {
    let body = grpc_stream("Do") + &grpc_send(6, "ping", 1);
    let fields = on_request_headers(&body, 0) + &grpc_events();
    let proxy = serve(host, &fields);
    let messages = Body::chunks().grpc_message("one").grpc_message("two");
    proxy.origin().answer("/a.Service/Do", answer(messages));
    let whole = reports_until(&proxy, "code=");
    let proxy = serve(host, &fields);
    let answer = Answer::grpc_trailers_only("5", "gone");
    proxy.origin().answer("/a.Service/Do", answer);
    format!("{whole}; trailers only: {}", reports_until(&proxy, "code="))
}

/// The second request says so and does nothing.
const ONCE: &str = r#"
    (if (global.get $started) (then (call $say @"again") (return (i32.const 0))))
    (global.set $started (i32.const 1))
"#;

fn cancelled(host: &Host) -> String {
    let body = [
        ONCE.to_owned(),
        grpc_stream("Held"),
        grpc_call(r#"@"http2""#, "Held"),
        grpc_cancel(6).repeat(2),
        grpc_cancel(5).repeat(2),
        grpc_call(r#"@"http2""#, "Do"),
    ];
    let fields = [
        "(global $started (mut i32) (i32.const 0))".to_owned(),
        on_request_headers(&body.concat(), 0),
        grpc_events(),
    ];
    let proxy = serve(host, &fields.concat());
    let gate = Gate::closed();
    let held = Body::chunks().wait(&gate).grpc_message("late");
    proxy.origin().answer("/a.Service/Held", answer(held));
    let pong = Body::chunks().grpc_message("pong");
    proxy.origin().answer("/a.Service/Do", answer(pong));
    let _reports = reports_until(&proxy, "received=");
    gate.open();
    reports_until(&proxy, "again")
}

fn half_closed(host: &Host) -> String {
    let body = [
        grpc_stream("Do"),
        grpc_send(6, "ping", 0),
        grpc_close(6),
        grpc_send(6, "late", 0),
        grpc_close(6),
    ];
    let fields = on_request_headers(&body.concat(), 0) + &grpc_events();
    let proxy = serve(host, &fields);
    let pong = Body::chunks().grpc_message("pong");
    proxy.origin().answer("/a.Service/Do", answer(pong));
    let reports = reports_until(&proxy, "code=");
    let received = proxy.origin().received();
    let request = received.iter().find(|request| request.path != "/");
    let request = request.expect("the stream has been answered");
    format!("{reports}; request: {}", request.body.escape_ascii())
}
