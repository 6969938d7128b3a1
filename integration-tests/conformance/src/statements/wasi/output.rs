//! What a guest writes to its standard output and error.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[Statement {
    id: "WA-01",
    text: "What is written to descriptor 1 becomes one info line without its final newline.",
    verdict: Verdict::Same("status=0 written=2 log: info a"),
    note: None,
    run: |host| write(host, 1, &[r#"@"a\n""#]),
}];

/// Writes strings with one call and says what came of it.
fn write(host: &Host, descriptor: u32, strings: &[&str]) -> String {
    let mut body = String::new();
    for (index, string) in strings.iter().enumerate() {
        let at = 0x200 + 8 * index;
        body.push_str(&format!("(call $vector (i32.const {at}) {string})\n"));
    }
    let count = strings.len();
    body.push_str(&format!(
        r#"(call $report @"status" (call $fd_write (i32.const {descriptor})
             (i32.const 0x200) (i32.const {count}) (i32.const 0x100)))
           (call $report @"written" (i32.load (i32.const 0x100)))"#
    ));
    let module = guest(&format!(
        r#"(func $vector (param $at i32) (param $ptr i32) (param $size i32)
             (i32.store (local.get $at) (local.get $ptr))
             (i32.store offset=4 (local.get $at) (local.get $size)))
           {}"#,
        on_request_headers(&body, 0)
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    assert_eq!(proxy.get("/").send().status, 200);
    let log: Vec<_> = proxy
        .log()
        .into_iter()
        .filter(|line| !line.contains('='))
        .collect();
    format!(
        "status={} written={} log: {}",
        proxy.report("status"),
        proxy.report("written"),
        log.join(", ")
    )
}
