//! Single headers.

use crate::guest::{guest, guest_of, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[Statement {
    id: "HM-03",
    text: "A missing key is not found; for ABI 0.1.0 it is there and empty.",
    verdict: Verdict::Same(r#"get=1; 0.1.0: get=0 """#),
    note: None,
    run: missing_key,
}];

fn missing_key(host: &Host) -> String {
    let body = r#"(call $get @"get" (i32.const 0) @"x-nobody")"#;
    let new = guest(&on_request_headers(body, 0));
    let old = guest_of(
        "0_1_0",
        &format!(
            r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
                 {body} (i32.const 0))"#
        ),
    );
    let proxy = host.serve(&Setup::http([Plugin::wat(new), Plugin::wat(old)]));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join("; 0.1.0: ")
}
