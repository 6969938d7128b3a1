//! Which maps are there in which callback, and what is answered when they are not.

use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    callback, guest, guest_of, on_configure, on_http_call_response, on_log, on_request_headers,
    on_response_body, on_response_headers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::callout_text::{STREAM, http_call};
use crate::statements::observation::{from_last, reports};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "HM-06",
        text: "Map type 8 is a bad argument for every function, before pointers are looked at.",
        verdict: Verdict::Same(
            "get 8=2, add 8=2, replace 8=2, remove 8=2, pairs 8=2, set 8=2, size 8=2, get 0=6, \
             add 0=6, replace 0=6, remove 0=6, pairs 0=6, set 0=6, size 0=6",
        ),
        note: None,
        run: unknown_type,
    },
    Statement {
        id: "HM-07",
        text: "A whole map that is not available reads as empty.",
        verdict: Verdict::Same(
            "root:, 0=0 {}, 1=0 {}, 2=0 {}, 3=0 {}, 4=0 {}, 5=0 {}, 6=0 {}, 7=0 {}, request:, 1=0 \
             {}, 2=0 {}, 3=0 {}, 4=0 {}, 5=0 {}, 6=0 {}, 7=0 {}, response:, 0=0 {}, 1=0 {}, 3=0 \
             {}, 4=0 {}, 5=0 {}, 6=0 {}, 7=0 {}",
        ),
        note: None,
        run: unavailable_pairs,
    },
    Statement {
        id: "HM-08",
        text: "Everything else with a map that is not available is a bad argument.",
        verdict: Verdict::Same(
            "root:, 0=2 2 2 2 2 2, 1=2 2 2 2 2 2, 2=2 2 2 2 2 2, 3=2 2 2 2 2 2, 4=2 2 2 2 2 2, \
             5=2 2 2 2 2 2, 6=2 2 2 2 2 2, 7=2 2 2 2 2 2, request:, 1=2 2 2 2 2 2, 2=2 2 2 2 2 2, \
             3=2 2 2 2 2 2, 4=2 2 2 2 2 2, 5=2 2 2 2 2 2, 6=2 2 2 2 2 2, 7=2 2 2 2 2 2, \
             response:, 0=2 2 2 2 2 2, 1=2 2 2 2 2 2, 3=2 2 2 2 2 2, 4=2 2 2 2 2 2, 5=2 2 2 2 2 \
             2, 6=2 2 2 2 2 2, 7=2 2 2 2 2 2",
        ),
        note: Some(
            "Each map has the statuses to get, add, replace, remove and set, and to ask for the size.",
        ),
        run: unavailable_maps,
    },
    Statement {
        id: "HM-09",
        text: "Request headers are not available in the response, unless the request waits or this plugin \
               has answered it.",
        verdict: Verdict::Same(
            "headers=2, body=2, body=2; own answer: headers=0 \"/\", body=0 \"/\"",
        ),
        note: None,
        run: request_in_response,
    },
    Statement {
        id: "HM-14",
        text: "The maps of callouts cannot be changed, not even where they can be read.",
        verdict: Verdict::Same(
            "trailers=0, status=0 \"200\", 4=2 2 2 2 2 2, 5=2 2 2 2 2 2, 6=1 2 2 2 2 2, 7=2 2 2 2 \
             2 2; trailers=1, status=0 \"200\", 4=2 2 2 2 2 2, 5=2 2 2 2 2 2, 6=1 2 2 2 2 2, 7=1 \
             2 2 2 2 2",
        ),
        note: Some(
            "The trailers of a callout's response can be read only if it has some. Each map has the statuses to get, add, replace, remove and set, and to ask for the size.",
        ),
        run: callout_maps,
    },
    Statement {
        id: "HM-17",
        text: "When a stream is logged its headers and response trailers can be read, and nothing \
               can be changed; what is missing is not found.",
        verdict: Verdict::Same(
            "with trailers: 0=0 \"/http2/t\", 1=0 \"\", 2=0 \"200\", 3=0 \"v\", missing=0 \"\", \
             pairs 3=0 {t: v}, 0=0 \"/http2/t\", 1=1, 2=0 \"200\", 3=0 \"v\", missing=1, pairs \
             3=0 {t: v}, changes:, 0=1 2 2 2 2 2, 1=1 2 2 2 2 2, 2=1 2 2 2 2 2, 3=1 2 2 2 2 2; \
             without: 0=0 \"/\", 1=0 \"\", 2=0 \"200\", 3=0 \"\", missing=0 \"\", pairs 3=0 {}, \
             0=0 \"/\", 1=1, 2=0 \"200\", 3=1, missing=1, pairs 3=0 {}, changes:, 0=1 2 2 2 2 2, \
             1=1 2 2 2 2 2, 2=1 2 2 2 2 2, 3=1 2 2 2 2 2, end",
        ),
        note: Some(
            "Trailers of a request are not among them. For ABI 0.1.0 what is missing reads as empty. Each map has the statuses to get, add, replace, remove and set, and to ask for the size.",
        ),
        run: log_maps,
    },
];

/// `$each label map` reports the statuses of get, add, replace, remove, set and size.
const EACH: &str = r#"
  (func $each (param $label i32) (param $size i32) (param $map i32)
    (call $line_begin (local.get $label) (local.get $size))
    (call $line_number (i64.extend_i32_s (call $proxy_get_header_map_value (local.get $map) @"a"
      (i32.const 0x100) (i32.const 0x104))))
    (call $changes (local.get $map))
    (call $line_log))
  (func $changes (param $map i32)
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s
      (call $proxy_add_header_map_value (local.get $map) @"a" @"1")))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s
      (call $proxy_replace_header_map_value (local.get $map) @"a" @"1")))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s
      (call $proxy_remove_header_map_value (local.get $map) @"a")))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s
      (call $proxy_set_header_map_pairs (local.get $map) @"")))
    (call $line_byte (i32.const 32))
    (call $line_number (i64.extend_i32_s
      (call $proxy_get_header_map_size (local.get $map) (i32.const 0x200)))))
"#;

fn unknown_type(host: &Host) -> String {
    let far = "(i32.const 0xfffffff0) (i32.const 4)";
    let calls = |map: u32| {
        format!(
            r#"(call $report @"get {map}"
                 (call $proxy_get_header_map_value (i32.const {map}) {far} {far}))
               (call $report @"add {map}"
                 (call $proxy_add_header_map_value (i32.const {map}) {far} {far}))
               (call $report @"replace {map}"
                 (call $proxy_replace_header_map_value (i32.const {map}) {far} {far}))
               (call $report @"remove {map}"
                 (call $proxy_remove_header_map_value (i32.const {map}) {far}))
               (call $report @"pairs {map}"
                 (call $proxy_get_header_map_pairs (i32.const {map}) {far}))
               (call $report @"set {map}"
                 (call $proxy_set_header_map_pairs (i32.const {map}) {far}))
               (call $report @"size {map}"
                 (call $proxy_get_header_map_size (i32.const {map}) (i32.const 0xfffffff0)))"#
        )
    };
    let body = calls(8) + &calls(0) + r#"(call $say @"end")"#;
    let text = guest(&on_request_headers(&body, 0));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 200);
    reports(&proxy)
}

fn unavailable_pairs(host: &Host) -> String {
    let pairs = |maps: &[u32]| -> String {
        let one = |map| format!(r#"(call $pairs @"{map}" (i32.const {map}))"#);
        maps.iter().map(one).collect()
    };
    let text = guest(
        &[
            on_configure(
                &(r#"(call $say @"root:")"#.to_owned() + &pairs(&[0, 1, 2, 3, 4, 5, 6, 7])),
                1,
            ),
            on_request_headers(
                &(r#"(call $say @"request:")"#.to_owned() + &pairs(&[1, 2, 3, 4, 5, 6, 7])),
                0,
            ),
            on_response_headers(
                &(r#"(call $say @"response:")"#.to_owned()
                    + &pairs(&[0, 1, 3, 4, 5, 6, 7])
                    + r#"(call $say @"end")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 200);
    from_last(&reports(&proxy), "root:").to_owned()
}

fn unavailable_maps(host: &Host) -> String {
    let each = |maps: &[u32]| -> String {
        let one = |map| format!(r#"(call $each @"{map}" (i32.const {map}))"#);
        maps.iter().map(one).collect()
    };
    let text = guest(
        &[
            EACH.to_owned(),
            on_configure(
                &(r#"(call $say @"root:")"#.to_owned() + &each(&[0, 1, 2, 3, 4, 5, 6, 7])),
                1,
            ),
            on_request_headers(
                &(r#"(call $say @"request:")"#.to_owned() + &each(&[1, 2, 3, 4, 5, 6, 7])),
                0,
            ),
            on_response_headers(
                &(r#"(call $say @"response:")"#.to_owned()
                    + &each(&[0, 1, 3, 4, 5, 6, 7])
                    + r#"(call $say @"end")"#),
                0,
            ),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 200);
    from_last(&reports(&proxy), "root:").to_owned()
}

fn request_in_response(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(
                r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"x-answer"
                     (i32.const 0x100) (i32.const 0x104)))
                   (if (i32.load (i32.const 0x104)) (then
                     (drop (call $proxy_send_local_response (i32.const 200)
                       @"" @"body" @"" (i32.const -1)))))"#,
                0,
            ),
            on_response_headers(r#"(call $get @"headers" (i32.const 0) @":path")"#, 0),
            on_response_body(r#"(call $get @"body" (i32.const 0) @":path")"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 200);
    let upstream = reports(&proxy);
    assert_eq!(
        proxy.get("/").header("x-answer", "local").send().status,
        200
    );
    let all = proxy.wait_for_nth("end", 2).join(", ");
    all.replace(
        &format!("{upstream}, end, "),
        &format!("{upstream}; own answer: "),
    )
    .trim_end_matches(", end")
    .to_owned()
}

fn callout_maps(host: &Host) -> String {
    let text = guest(&format!(
        "{STREAM}{EACH}{}{}",
        on_request_headers(
            &("(global.set $stream (local.get $id))".to_owned() + &http_call("http2", "/http2")),
            1
        ),
        on_http_call_response(
            r#"(call $report @"trailers" (local.get $trailers))
               (call $get @"status" (i32.const 6) @":status")
               (call $each @"4" (i32.const 4))
               (call $each @"5" (i32.const 5))
               (call $each @"6" (i32.const 6))
               (call $each @"7" (i32.const 7))
               (call $say @"end")
               (drop (call $proxy_set_effective_context (global.get $stream)))
               (drop (call $proxy_continue_stream (i32.const 0)))"#
        )
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    assert_eq!(proxy.get("/").send().status, 200);
    let without = reports(&proxy);
    let count = proxy.wait_for("end").len();
    let body = Body::chunks().chunk("body").trailers(&[("t", "v")]);
    proxy.origin().answer("/http2", Answer::stream(body));
    assert_eq!(proxy.get("/").send().status, 200);
    let mut with = proxy.wait_for_nth("end", 2).split_off(count);
    with.pop();
    format!("{without}; {}", with.join(", "))
}

fn log_maps(host: &Host) -> String {
    let all = r#"
        (call $get @"0" (i32.const 0) @":path")
        (call $get @"1" (i32.const 1) @"t")
        (call $get @"2" (i32.const 2) @":status")
        (call $get @"3" (i32.const 3) @"t")
        (call $get @"missing" (i32.const 0) @"x-nobody")
        (call $pairs @"pairs 3" (i32.const 3))"#;
    let new = guest(&format!(
        "{EACH}{}",
        on_log(&format!(
            r#"{all}
               (call $say @"changes:")
               (call $each @"0" (i32.const 0))
               (call $each @"1" (i32.const 1))
               (call $each @"2" (i32.const 2))
               (call $each @"3" (i32.const 3))
               (call $say @"end")"#
        ))
    ));
    let old = guest_of("0_1_0", &callback("proxy_on_log", &["id"], None, all));
    // The plugin that comes first is logged first.
    let proxy = host.serve(&Setup::http([Plugin::wat(old), Plugin::wat(new)]));
    let body = Body::chunks().chunk("body").trailers(&[("t", "v")]);
    proxy.origin().answer("/http2/t", Answer::stream(body));
    assert_eq!(proxy.get("/http2/t").http2().send().status, 200);
    let with = reports(&proxy);
    let count = with.split(", ").count() + 1;
    assert_eq!(proxy.get("/").send().status, 200);
    let without = proxy.wait_for_nth("end", 2);
    let without = without.get(count..).unwrap_or_default().join(", ");
    format!("with trailers: {with}; without: {without}")
}
