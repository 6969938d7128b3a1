//! Changing headers, and what becomes of the changes.

use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_log, on_request_headers, on_request_trailers, on_response_headers,
    on_response_trailers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::pairs;
use crate::statements::observation::{reports, short};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "HM-11",
        text: "To replace a header removes all of its entries, and to remove one that is missing \
               is fine.",
        verdict: Verdict::Same(
            "replace=0, remove=0, remove missing=0, replace missing=0, pairs=0 {x-a: new, x-c: \
             made}, upstream: x-a [\"new\"], x-b [], x-c [\"made\"]",
        ),
        note: None,
        run: replace_and_remove,
    },
    Statement {
        id: "HM-12",
        text: "What is added to a header is another entry, but a header that can be there only \
               once is joined by a comma.",
        verdict: Verdict::Same(
            "path=0 \"/a,/b\", nothing added=0 \"/a,/b\", pairs=0 {x-b: 1, x-b: 2}, joined in \
             request headers=accept accept-encoding access-control-request-headers \
             access-control-request-method access-control-request-private-network authorization \
             cache-control cdn-loop connection content-encoding content-length content-type \
             expect grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match \
             if-range if-unmodified-since keep-alive origin pragma proxy-connection proxy-status \
             referer te transfer-encoding upgrade user-agent via x-client-trace-id \
             x-envoy-attempt-count x-envoy-decorator-operation x-envoy-downstream-service-cluster \
             x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms \
             x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout \
             x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries \
             x-envoy-original-host x-envoy-original-path x-envoy-original-url \
             x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on \
             x-envoy-retry-on x-envoy-upstream-alt-stat-name \
             x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response \
             x-envoy-upstream-rq-timeout-ms x-envoy-upstream-stream-duration-ms \
             x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port \
             x-forwarded-proto x-request-id, joined in request trailers=, joined in response \
             headers=access-control-allow-credentials access-control-allow-headers \
             access-control-allow-methods access-control-allow-origin \
             access-control-allow-private-network access-control-expose-headers \
             access-control-max-age age cache-control connection content-encoding content-length \
             content-type date etag expires grpc-message grpc-status keep-alive last-modified \
             location proxy-connection proxy-status server transfer-encoding upgrade vary via \
             x-envoy-attempt-count x-envoy-decorator-operation x-envoy-degraded \
             x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary \
             x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time x-request-id, \
             joined in response trailers=grpc-message grpc-status",
        ),
        note: Some(
            "A `cookie` is not joined, nor is any header that is not listed. Trailers of a request have no \
               such headers.",
        ),
        run: additions,
    },
    Statement {
        id: "HM-18",
        text: "Changes to a request's headers reach the upstream, those to a response's the client.",
        verdict: Verdict::Same(
            "upstream: PUT /changed other.test, added [\"1\", \"2\"], replaced [\"new\"], removed \
             []; client: 207, added [\"1\", \"2\"], replaced [\"new\"], removed []",
        ),
        note: None,
        run: changes_arrive,
    },
    Statement {
        id: "HM-19",
        text: "After a change of `:path` the route is selected again.",
        verdict: Verdict::Same("200, upstream: HTTP/2.0 /http2/new"),
        note: None,
        run: new_route,
    },
    Statement {
        id: "HM-21",
        text: "To set a request's headers without pseudo-headers removes them: without a path there is \
               no route, and without a method the request is refused.",
        verdict: Verdict::Same(
            "set=0, pairs=0 {x-a: 1, x-forwarded-proto: http}, remove=0, remove=0, remove=0, \
             remove=0, remove=0, remove=0, remove=0; without all: 404, upstream: none; without \
             :path: 404, upstream: none; without :method: 503, upstream: none; without \
             :authority: 200, upstream: HTTP/1.1, host none; without :authority: 200, upstream: \
             HTTP/2.0, host none; without :scheme: 200, upstream: HTTP/1.1, host tollgate.test; \
             without :scheme: 200, upstream: HTTP/2.0, host tollgate.test; without \
             x-forwarded-proto: 404, upstream: none",
        ),
        note: Some(
            "Without `x-forwarded-proto`, which the connection manager sets, there is no route either; \
               an authority and a scheme are not required.",
        ),
        run: without_pseudo_headers,
    },
];

fn replace_and_remove(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(call $report @"replace"
             (call $proxy_replace_header_map_value (i32.const 0) @"x-a" @"new"))
           (call $report @"remove"
             (call $proxy_remove_header_map_value (i32.const 0) @"x-b"))
           (call $report @"remove missing"
             (call $proxy_remove_header_map_value (i32.const 0) @"x-nobody"))
           (call $report @"replace missing"
             (call $proxy_replace_header_map_value (i32.const 0) @"x-c" @"made"))
           (call $pairs @"pairs" (i32.const 0))
           (call $say @"end")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = proxy.get("/").header("x-a", "1").header("x-a", "2");
    let request = request.header("x-b", "1").header("x-b", "2");
    assert_eq!(request.send().status, 200);
    let headers = proxy.origin().only_request().headers;
    format!(
        "{}, upstream: x-a {:?}, x-b {:?}, x-c {:?}",
        short(&reports(&proxy), &["x-a", "x-b", "x-c"]),
        headers.all("x-a"),
        headers.all("x-b"),
        headers.all("x-c")
    )
}

fn additions(host: &Host) -> String {
    let joined = |label: &str, map: u32| {
        format!(
            r#"(call $line_begin @"joined in {label}") {} (call $line_log)"#,
            add_twice(map)
        )
    };
    let path = r#"
        (drop (call $proxy_add_header_map_value (i32.const 0) @":path" @"/b"))
        (call $get @"path" (i32.const 0) @":path")
        (drop (call $proxy_add_header_map_value (i32.const 0) @":path" @""))
        (call $get @"nothing added" (i32.const 0) @":path")
        (drop (call $proxy_add_header_map_value (i32.const 0) @"x-b" @"1"))
        (drop (call $proxy_add_header_map_value (i32.const 0) @"x-b" @"2"))
        (call $pairs @"pairs" (i32.const 0))
        (call $set (i32.const 0) @":path" @"/http2")"#;
    // Envoy selects no route without it.
    let restored = r#"(call $set (i32.const 0) @"x-forwarded-proto" @"http")"#;
    let text = guest(
        &[
            ADD_TWICE.to_owned(),
            on_request_headers(
                &(path.to_owned() + &joined("request headers", 0) + restored),
                0,
            ),
            on_request_trailers(&joined("request trailers", 1), 0),
            on_response_headers(&joined("response headers", 2), 0),
            on_response_trailers(&joined("response trailers", 3), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let body = Body::chunks().chunk("body").trailers(&[("t", "v")]);
    proxy
        .origin()
        .answer("/http2", Answer::stream(body.clone()));
    assert_eq!(proxy.post("/a").http2().stream(body).send().status, 200);
    let reports = reports(&proxy).replace(" ,", ",");
    short(reports.trim_end(), &["x-b"])
}

/// `$add_twice name map` adds two values to a header that is not there, appends the name to the
/// line if they were joined, and removes the header.
const ADD_TWICE: &str = r#"
  (func $add_twice (param $name i32) (param $size i32) (param $map i32)
    (drop (call $proxy_remove_header_map_value (local.get $map)
      (local.get $name) (local.get $size)))
    (drop (call $proxy_add_header_map_value (local.get $map)
      (local.get $name) (local.get $size) @"1"))
    (drop (call $proxy_add_header_map_value (local.get $map)
      (local.get $name) (local.get $size) @"2"))
    (drop (call $proxy_get_header_map_value (local.get $map)
      (local.get $name) (local.get $size) (i32.const 0x100) (i32.const 0x104)))
    (if (i32.eq (i32.load (i32.const 0x104)) (i32.const 3))
      (then
        (call $line_text (local.get $name) (local.get $size))
        (call $line_byte (i32.const 32))))
    (drop (call $proxy_remove_header_map_value (local.get $map)
      (local.get $name) (local.get $size))))
"#;

fn add_twice(map: u32) -> String {
    let one = |name| format!(r#"(call $add_twice @"{name}" (i32.const {map}))"#);
    NAMES.split_whitespace().map(one).collect()
}

/// Names that Envoy joins in one map or another, and some that it does not.
const NAMES: &str = "
    accept accept-encoding accept-language accept-ranges access-control-allow-credentials
    access-control-allow-headers access-control-allow-methods access-control-allow-origin
    access-control-allow-private-network access-control-expose-headers access-control-max-age
    access-control-request-headers access-control-request-method
    access-control-request-private-network age allow alt-svc authorization cache-control cdn-loop
    connection content-encoding content-language content-length content-type cookie date dnt etag
    expect expires grpc-accept-encoding grpc-encoding grpc-message grpc-status grpc-timeout
    grpc-status-details-bin if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive
    last-modified link location origin pragma proxy-authenticate proxy-connection proxy-status
    priority proxy-authorization range referer retry-after sec-websocket-key server set-cookie
    strict-transport-security te traceparent tracestate trailer transfer-encoding upgrade user-agent vary via warning
    www-authenticate x-a x-b3-traceid x-client-trace-id x-envoy-attempt-count
    x-envoy-decorator-operation x-envoy-degraded x-envoy-downstream-service-cluster
    x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms x-envoy-external-address
    x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-immediate-health-check-fail
    x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-local-overloaded
    x-envoy-max-retries x-envoy-none x-envoy-original-dst-host x-envoy-original-host
    x-envoy-original-method x-envoy-original-path x-envoy-original-url x-envoy-overloaded
    x-envoy-peer-metadata x-envoy-peer-metadata-id x-envoy-ratelimited x-envoy-retriable-header-names
    x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on
    x-envoy-upstream-alt-stat-name x-envoy-upstream-canary x-envoy-upstream-healthchecked-cluster
    x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response
    x-envoy-upstream-rq-timeout-ms x-envoy-upstream-service-time
    x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for x-forwarded-host
    x-forwarded-path x-forwarded-port x-forwarded-proto x-real-ip x-ot-span-context x-request-id";

fn changes_arrive(host: &Host) -> String {
    let change = |map: u32| {
        format!(
            r#"(drop (call $proxy_add_header_map_value (i32.const {map}) @"x-added" @"1"))
               (drop (call $proxy_add_header_map_value (i32.const {map}) @"x-added" @"2"))
               (drop (call $proxy_replace_header_map_value (i32.const {map}) @"x-replaced" @"new"))
               (drop (call $proxy_remove_header_map_value (i32.const {map}) @"x-removed"))"#
        )
    };
    let text = guest(
        &[
            on_request_headers(
                &(change(0)
                    + r#"(call $set (i32.const 0) @":path" @"/changed")
                         (call $set (i32.const 0) @":method" @"PUT")
                         (call $set (i32.const 0) @":authority" @"other.test")"#),
                0,
            ),
            on_response_headers(
                &(change(2) + r#"(call $set (i32.const 2) @":status" @"207")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let answer = Answer::text("text")
        .header("x-replaced", "old")
        .header("x-removed", "1");
    proxy.origin().answer("/changed", answer);
    let request = proxy
        .get("/")
        .header("x-replaced", "old")
        .header("x-removed", "1");
    let response = request.send();
    let upstream = proxy.origin().only_request();
    format!(
        "upstream: {} {} {}, added {:?}, replaced {:?}, removed {:?}; client: {}, added {:?}, \
         replaced {:?}, removed {:?}",
        upstream.method,
        upstream.path,
        upstream.header("host").unwrap_or("none"),
        upstream.headers.all("x-added"),
        upstream.headers.all("x-replaced"),
        upstream.headers.all("x-removed"),
        response.status,
        response.headers.all("x-added"),
        response.headers.all("x-replaced"),
        response.headers.all("x-removed"),
    )
}

fn new_route(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(call $set (i32.const 0) @":path" @"/http2/new")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let status = proxy.get("/refused").send().status;
    let upstream = proxy.origin().only_request();
    format!("{status}, upstream: {} {}", upstream.version, upstream.path)
}

fn without_pseudo_headers(host: &Host) -> String {
    let all = pairs(&[("x-a", "1"), ("x-forwarded-proto", "http")]);
    let text = guest(&on_request_headers(
        &format!(
            r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"x-remove"
                 (i32.const 0x100) (i32.const 0x104)))
               (if (i32.load (i32.const 0x104))
                 (then (call $report @"remove" (call $proxy_remove_header_map_value (i32.const 0)
                   (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104)))))
                 (else
                   (call $report @"set" (call $proxy_set_header_map_pairs (i32.const 0) @"{all}"))
                   (call $pairs @"pairs" (i32.const 0))))"#
        ),
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let ask = |(name, path): (&str, &str)| {
        let before = proxy.origin().received().len();
        let response = proxy.get(path).header("x-remove", name).send();
        let upstream = match proxy.origin().received().get(before) {
            None => "none".to_owned(),
            Some(request) => format!(
                "{}, host {}",
                request.version,
                request.header("host").unwrap_or("none")
            ),
        };
        let name = if name.is_empty() { "all" } else { name };
        format!("without {name}: {}, upstream: {upstream}", response.status)
    };
    let answers = [
        ("", "/"),
        (":path", "/"),
        (":method", "/"),
        (":authority", "/"),
        (":authority", "/http2"),
        (":scheme", "/"),
        (":scheme", "/http2"),
        ("x-forwarded-proto", "/"),
    ];
    let answers = answers.map(ask).join("; ");
    drop(proxy.wait_for_nth("remove=", 7));
    format!("{}; {answers}", proxy.reports().join(", "))
}
