//! What a local response ends.

use tollgate_integration_tests::client::Body;
use tollgate_integration_tests::origin::Answer;

use crate::guest::{
    guest, on_log, on_request_body, on_request_headers, on_request_trailers, on_response_body,
    on_response_headers,
};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::observation::{reports, reports_after};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "ST-09",
        text: "After a local response the callback's Continue is ignored.",
        verdict: Verdict::Same(
            "send=0, client: 403 no; next headers, send=0, client: 403 no; next headers, next \
             body, size=4, send=0, client: 403 no",
        ),
        note: None,
        run: ignored_continue,
    },
    Statement {
        id: "ST-14",
        text: "Of two local responses in one callback the first is sent.",
        verdict: Verdict::Same("first=0, second=0, response=0 \"403\", client: 403 first"),
        note: None,
        run: first_of_two,
    },
    Statement {
        id: "ST-15",
        text: "A local response in response headers reaches the client directly: no plugin has a \
               further response callback.",
        verdict: Verdict::Same(
            "response headers, own headers, send=0, client: 403 no x-upstream none",
        ),
        note: None,
        run: in_response_headers,
    },
];

const SEND: &str = r#"(call $report @"send" (call $proxy_send_local_response (i32.const 403)
    @"" @"no" @"" (i32.const -1)))"#;

fn ignored_continue(host: &Host) -> String {
    // Each callback answers if the path says so: /h, /b or /t; the first byte of the path after
    // the slash is kept for those that come later.
    let answer = |letter: char| {
        let byte = u32::from(letter);
        format!("(if (i32.eq (global.get $where) (i32.const {byte})) (then {SEND}))")
    };
    let text = guest(
        &[
            "(global $where (mut i32) (i32.const 0))".to_owned(),
            on_request_headers(
                &(r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"x-where"
                       (i32.const 0x100) (i32.const 0x104)))
                     (global.set $where (i32.load8_u (i32.load (i32.const 0x100))))"#
                    .to_owned()
                    + &answer('h')),
                0,
            ),
            on_request_body(&answer('b'), 0),
            on_request_trailers(&answer('t'), 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let next = guest(
        &[
            on_request_headers(r#"(call $say @"next headers")"#, 0),
            on_request_body(r#"(call $report @"next body, size" (local.get $size))"#, 0),
            on_request_trailers(r#"(call $say @"next trailers")"#, 0),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http([Plugin::wat(text), Plugin::wat(next)]));
    let mut seen = Vec::new();
    let mut before = 0;
    for (index, place) in ["h", "b", "t"].into_iter().enumerate() {
        let body = Body::chunks().chunk("body").trailers(&[("t", "v")]);
        let request = proxy.post("/http2").http2().header("x-where", place);
        let response = request.stream(body).send();
        seen.push(format!(
            "{}, client: {} {}",
            reports_after(&proxy, before, index + 1),
            response.status,
            response.text()
        ));
        before = proxy.reports().len();
    }
    seen.join("; ")
}

fn first_of_two(host: &Host) -> String {
    let text = guest(
        &[
            on_request_headers(
                r#"(call $report @"first" (call $proxy_send_local_response (i32.const 403)
                     @"" @"first" @"" (i32.const -1)))
                   (call $report @"second" (call $proxy_send_local_response (i32.const 404)
                     @"" @"second" @"" (i32.const -1)))"#,
                1,
            ),
            on_response_headers(r#"(call $get @"response" (i32.const 2) @":status")"#, 0),
            on_log(r#"(call $say @"end")"#),
        ]
        .concat(),
    );
    let proxy = host.serve(&Setup::http(Plugin::wat(text)));
    let response = proxy.get("/").send();
    format!(
        "{}, client: {} {}",
        reports(&proxy),
        response.status,
        response.text()
    )
}

fn in_response_headers(host: &Host) -> String {
    let seen = [
        on_response_headers(r#"(call $say @"response headers")"#, 0),
        on_response_body(r#"(call $say @"response body")"#, 0),
        on_log(r#"(call $say @"end")"#),
    ]
    .concat();
    let text = guest(
        &[
            on_response_headers(&(r#"(call $say @"own headers")"#.to_owned() + SEND), 0),
            on_response_body(r#"(call $say @"own body")"#, 0),
        ]
        .concat(),
    );
    // Responses pass the last plugin first.
    let plugins = [
        Plugin::wat(guest(&seen)),
        Plugin::wat(text),
        Plugin::wat(guest(&seen)),
    ];
    let proxy = host.serve(&Setup::http(plugins));
    proxy
        .origin()
        .answer("/", Answer::text("answer").header("x-upstream", "1"));
    let response = proxy.get("/").send();
    format!(
        "{}, client: {} {} x-upstream {}",
        reports(&proxy),
        response.status,
        response.text(),
        response.header("x-upstream").unwrap_or("none")
    )
}
