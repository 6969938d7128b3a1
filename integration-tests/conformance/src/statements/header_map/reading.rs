//! Reading headers: single values, whole maps, sizes.

use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    callback, guest, guest_of, on_request_headers, on_request_trailers, on_response_headers,
    on_response_trailers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::observation::{reports, reports_after, short};
use tollgate_integration_tests::client::Body;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "HM-01",
        text: "An HTTP/1 request has `:path`, `:method` and `:authority`, and `host` is another \
               name of `:authority`.",
        verdict: Verdict::Same(
            "path=0 \"/where?a=b\", method=0 \"GET\", authority=0 \"tollgate.test\", host=0 \
             \"tollgate.test\", replaced=0 \"other.test\", removed=1, added=0 \"last.test\", \
             upstream host: last.test",
        ),
        note: None,
        run: pseudo_headers,
    },
    Statement {
        id: "HM-02",
        text: "Names are found in any case, and are in lower case when they are read.",
        verdict: Verdict::Same(
            "lower=0 \"v\", upper=0 \"v\", added=0 \"1\", replaced=0 \"2\", pairs=0 {x-mixed: v, \
             x-added: 2}, removed=1",
        ),
        note: None,
        run: letter_case,
    },
    Statement {
        id: "HM-03",
        text: "A missing key is not found; for ABI 0.1.0 it is there and empty.",
        verdict: Verdict::Same("get=1, 0.1.0: get=0 \"\""),
        note: None,
        run: missing_key,
    },
    Statement {
        id: "HM-04",
        text: "A key with an empty value is there, at address 0 with size 0.",
        verdict: Verdict::Same("get=0, address=0, size=0"),
        note: None,
        run: empty_value,
    },
    Statement {
        id: "HM-05",
        text: "Of several values the first is read, and the whole map lists all.",
        verdict: Verdict::Same("get=0 \"1\", pairs=0 {x-a: 1, x-a: 2, x-a: }"),
        note: None,
        run: several_values,
    },
    Statement {
        id: "HM-13",
        text: "The size of a map is the sum of the lengths of its names and values.",
        verdict: Verdict::Same("request=0, key: ab=5, response=0"),
        note: Some(
            "The written specification promises the size of the serialized map; the size is also \
             refused where the map cannot be written.",
        ),
        run: map_size,
    },
    Statement {
        id: "HM-20",
        text: "The number of headers that a callback is told is the number of entries in the map.",
        verdict: Verdict::Same(
            "request headers told less pairs=0, request trailers told less pairs=0, told=3, \
             response headers told less pairs=0, response trailers told less pairs=0, told=3",
        ),
        note: None,
        run: counts,
    },
];

fn pseudo_headers(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(call $get @"path" (i32.const 0) @":path")
           (call $get @"method" (i32.const 0) @":method")
           (call $get @"authority" (i32.const 0) @":authority")
           (call $get @"host" (i32.const 0) @"host")
           (call $set (i32.const 0) @"host" @"other.test")
           (call $get @"replaced" (i32.const 0) @":authority")
           (drop (call $proxy_remove_header_map_value (i32.const 0) @"host"))
           (call $get @"removed" (i32.const 0) @":authority")
           (drop (call $proxy_add_header_map_value (i32.const 0) @"host" @"last.test"))
           (call $get @"added" (i32.const 0) @":authority")
           (call $say @"end")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/where?a=b").send().status, 200);
    let upstream = proxy.origin().only_request();
    let host = upstream.header("host").unwrap_or("none");
    format!("{}, upstream host: {host}", reports(&proxy))
}

fn letter_case(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(call $get @"lower" (i32.const 0) @"x-mixed")
           (call $get @"upper" (i32.const 0) @"X-MIXED")
           (drop (call $proxy_add_header_map_value (i32.const 0) @"X-Added" @"1"))
           (call $get @"added" (i32.const 0) @"x-added")
           (call $set (i32.const 0) @"X-Added" @"2")
           (call $get @"replaced" (i32.const 0) @"x-added")
           (call $pairs @"pairs" (i32.const 0))
           (drop (call $proxy_remove_header_map_value (i32.const 0) @"X-ADDED"))
           (call $get @"removed" (i32.const 0) @"x-added")
           (call $say @"end")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nX-mIxEd: v\r\nConnection: close\r\n\r\n";
    assert_eq!(proxy.raw(request).statuses(), [200]);
    short(&reports(&proxy), &["x-mixed", "x-added"])
}

fn missing_key(host: &Host) -> String {
    let body = r#"(call $get @"get" (i32.const 0) @"x-nobody") (call $say @"end")"#;
    let new = guest(&on_request_headers(body, 0));
    let parameters = ["id", "count"];
    let old = callback("proxy_on_request_headers", &parameters, Some(0), body);
    let old = guest_of("0_1_0", &old);
    let proxy = host.serve(&Setup::http([Plugin::wat(new), Plugin::wat(old)]));
    assert_eq!(proxy.get("/").send().status, 200);
    reports_after(&proxy, 0, 2).replace("end, ", "0.1.0: ")
}

fn empty_value(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(i32.store (i32.const 0x200) (i32.const 7))
           (i32.store (i32.const 0x204) (i32.const 7))
           (call $report @"get" (call $proxy_get_header_map_value (i32.const 0) @"x-empty"
             (i32.const 0x200) (i32.const 0x204)))
           (call $report @"address" (i32.load (i32.const 0x200)))
           (call $report @"size" (i32.load (i32.const 0x204)))
           (call $say @"end")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").header("x-empty", "").send().status, 200);
    reports(&proxy)
}

fn several_values(host: &Host) -> String {
    let text = guest(&on_request_headers(
        r#"(call $get @"get" (i32.const 0) @"x-a")
           (call $pairs @"pairs" (i32.const 0))
           (call $say @"end")"#,
        0,
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = proxy.get("/").header("x-a", "1").header("x-a", "2");
    assert_eq!(request.header("x-a", "").send().status, 200);
    short(&reports(&proxy), &["x-a"])
}

fn map_size(host: &Host) -> String {
    let text = guest(&format!(
        "{}{SUM}",
        on_request_headers(
            r#"(call $report @"request" (call $compare_size (i32.const 0)))
               (drop (call $proxy_set_header_map_pairs (i32.const 0)
                 @"\01\00\00\00\03\00\00\00\02\00\00\00key\00ab\00"))
               (drop (call $proxy_get_header_map_size (i32.const 0) (i32.const 0x200)))
               (call $report @"key: ab" (i32.load (i32.const 0x200)))
               (drop (call $proxy_send_local_response (i32.const 200) @"" @"" @"" (i32.const -1)))"#,
            0
        ) + &on_response_headers(
            r#"(call $report @"response" (call $compare_size (i32.const 2)))
               (call $say @"end")"#,
            0
        )
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let request = proxy.get("/").header("x-a", "1").header("x-a", "2");
    assert_eq!(request.send().status, 200);
    reports(&proxy)
}

/// The size that the host says, less the one that the pairs have: 0.
const SUM: &str = r#"
  (func $compare_size (param $map i32) (result i32)
    (local $at i32) (local $count i32) (local $sum i32)
    (drop (call $proxy_get_header_map_pairs (local.get $map) (i32.const 0x100) (i32.const 0x104)))
    (local.set $at (i32.load (i32.const 0x100)))
    (local.set $count (i32.mul (i32.load (local.get $at)) (i32.const 2)))
    (loop $next
      (if (local.get $count) (then
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))
    (drop (call $proxy_get_header_map_size (local.get $map) (i32.const 0x200)))
    (i32.sub (i32.load (i32.const 0x200)) (local.get $sum)))
"#;

fn counts(host: &Host) -> String {
    let compare = |label: &str, map: u32| {
        format!(
            r#"(drop (call $proxy_get_header_map_pairs (i32.const {map})
                 (i32.const 0x100) (i32.const 0x104)))
               (call $report @"{label} told less pairs"
                 (i32.sub (local.get $count) (i32.load (i32.load (i32.const 0x100)))))"#
        )
    };
    let text = guest(
        &[
            on_request_headers(&compare("request headers", 0), 0),
            on_request_trailers(
                &(compare("request trailers", 1) + r#"(call $report @"told" (local.get $count))"#),
                0,
            ),
            on_response_headers(&compare("response headers", 2), 0),
            on_response_trailers(
                &(compare("response trailers", 3)
                    + r#"(call $report @"told" (local.get $count)) (call $say @"end")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let body = Body::chunks()
        .chunk("body")
        .trailers(&[("a", "1"), ("b", "2"), ("a", "3")]);
    proxy
        .origin()
        .answer("/http2", Answer::stream(body.clone()));
    let request = proxy
        .post("/http2")
        .http2()
        .header("x-a", "1")
        .header("x-a", "2");
    assert_eq!(request.stream(body).send().status, 200);
    reports(&proxy)
}
