//! Unary gRPC calls.

use tollgate_integration_tests::origin::Answer;
use tollgate_integration_tests::origin::body::Body;
use tollgate_integration_tests::origin::grpc::grpc_frame;

use super::{
    get, grpc_call, grpc_cancel, grpc_close, grpc_events, grpc_stream, http_call, reports_until,
    serve, string,
};
use crate::guest::on_request_headers;
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "CO-14",
        text: "A gRPC call goes to a cluster by its name or by a GrpcService message.",
        verdict: Verdict::Same(
            "call=0, token=5, call=0, token=9, call=4, token=77, call=10, token=77, close=13, \
             status=14, message=0 \"Cluster not available\", code=14, receive=5, \
             received=0 \"pong\", receive=9, received=0 \"pong\"",
        ),
        note: Some(
            "An unknown name is a parse failure. An unknown cluster within a message is an \
             internal failure, and a close follows for a token that the guest has not got. Names \
             that read as a message of unknown fields, such as h1, and the empty name crash Envoy; \
             on Tollgate they name a cluster like others.",
        ),
        run: upstreams,
    },
    Statement {
        id: "CO-15",
        text: "The first gRPC calls of a VM have the tokens 5 and 9, the first streams 6 and 10.",
        verdict: Verdict::Same(
            "call=0, token=5, stream=0, token=6, stream=0, token=10, call=0, token=9",
        ),
        note: None,
        run: tokens,
    },
    Statement {
        id: "CO-16",
        text: "A gRPC call that goes well is told the last message and nothing else.",
        verdict: Verdict::Same("call=0, token=5, receive=5, received=0 \"two\""),
        note: None,
        run: success,
    },
    Statement {
        id: "CO-17",
        text: "A gRPC call that fails is told its status and nothing else.",
        verdict: Verdict::Same(
            "call=0, token=5, close=5, status=7, message=0 \"not%20you{via_upstream}\", code=7",
        ),
        note: Some("To the upstream's message Envoy adds where the response came from."),
        run: failure,
    },
    Statement {
        id: "CO-22",
        text: "Tokens that are not of gRPC can be neither closed nor cancelled.",
        verdict: Verdict::Same(
            "call=0, token=4, close=2, cancel=2, close=2, cancel=2, close=1, cancel=1",
        ),
        note: None,
        run: |host| {
            let calls = http_call("origin", &get("/call"), "0");
            let controls = [4, 7, 5].map(|token| grpc_close(token) + &grpc_cancel(token));
            let proxy = serve(host, &on_request_headers(&(calls + &controls.concat()), 0));
            assert_eq!(proxy.get("/").send().status, 200);
            proxy.reports().join(", ")
        },
    },
    Statement {
        id: "CO-23",
        text: "A gRPC request has gRPC's path and headers, and its message a prefix of five bytes.",
        verdict: Verdict::Same(
            "POST /a.Service/Do, te: trailers, content-type: application/grpc, grpc-timeout: 5000m, \
             host: http2, x-key: v, k-bin: AAE=, x-envoy-internal: true, body: \
             \\x00\\x00\\x00\\x00\\x04ping",
        ),
        note: Some("Values of metadata whose names end in -bin are sent in base64."),
        run: request,
    },
];

fn pong() -> Answer {
    let body = Body::chunks().grpc_message("pong");
    Answer::grpc(body.grpc_status("0", ""))
}

fn upstreams(host: &Host) -> String {
    let service = |cluster: &str| {
        let length = u8::try_from(cluster.len()).expect("a short name");
        let mut message = vec![0x0a, length + 2, 0x0a, length];
        message.extend_from_slice(cluster.as_bytes());
        string(&message)
    };
    let calls = [
        grpc_call(r#"@"http2""#, "Do"),
        grpc_call(&service("http2"), "Do"),
        grpc_call(r#"@"nowhere""#, "Do"),
        grpc_call(&service("nowhere"), "Do"),
    ];
    let fields = on_request_headers(&calls.concat(), 0) + &grpc_events();
    let proxy = serve(host, &fields);
    proxy.origin().answer("/a.Service/Do", pong());
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.wait_for_nth("received=", 2).join(", ")
}

fn tokens(host: &Host) -> String {
    let calls = [
        grpc_call(r#"@"http2""#, "Do"),
        grpc_stream("Do"),
        grpc_stream("Do"),
        grpc_call(r#"@"http2""#, "Do"),
    ];
    let proxy = serve(host, &on_request_headers(&calls.concat(), 0));
    proxy.origin().answer("/a.Service/Do", pong());
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}

fn success(host: &Host) -> String {
    let call = grpc_call(r#"@"http2""#, "Do");
    let proxy = serve(host, &(on_request_headers(&call, 0) + &grpc_events()));
    let body = Body::chunks().grpc_message("one").grpc_message("two");
    let answer = Answer::grpc(body.grpc_status("0", ""));
    proxy.origin().answer("/a.Service/Do", answer);
    reports_until(&proxy, "received=")
}

fn failure(host: &Host) -> String {
    let call = grpc_call(r#"@"http2""#, "Do");
    let proxy = serve(host, &(on_request_headers(&call, 0) + &grpc_events()));
    let body = Body::chunks().grpc_message("one");
    let answer = Answer::grpc(body.grpc_status("7", "not%20you"));
    proxy.origin().answer("/a.Service/Do", answer);
    reports_until(&proxy, "code=")
}

fn request(host: &Host) -> String {
    let call = grpc_call(r#"@"http2""#, "Do");
    let proxy = serve(host, &(on_request_headers(&call, 0) + &grpc_events()));
    proxy.origin().answer("/a.Service/Do", pong());
    let _reports = reports_until(&proxy, "received=");
    let received = proxy.origin().received();
    let request = received
        .iter()
        .find(|request| request.path == "/a.Service/Do")
        .expect("the call has been answered");
    assert_eq!(request.body, grpc_frame("ping"));
    let mut words = vec![format!("{} {}", request.method, request.path)];
    for name in [
        "te",
        "content-type",
        "grpc-timeout",
        "host",
        "x-key",
        "k-bin",
        "x-envoy-internal",
    ] {
        words.push(format!(
            "{name}: {}",
            request.header(name).unwrap_or("none")
        ));
    }
    words.push(format!("body: {}", request.body.escape_ascii()));
    words.join(", ")
}
