//! What a guest writes to its standard output and error.

use tollgate_integration_tests::GuestLine;

use crate::guest::{guest, on_request_headers};
use crate::host::{Host, is_chat};
use crate::plugin::Plugin;
use crate::running::Running;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "WA-01",
        text: "What is written to descriptor 1 becomes one info line without its final newline.",
        verdict: Verdict::Same(r#"status=0 written=2 log: ["info a"]"#),
        note: None,
        run: |host| write(host, 1, &[r#"@"a\n""#]),
    },
    Statement {
        id: "WA-02",
        text: "What is written to descriptor 2 becomes an error line.",
        verdict: Verdict::Same(r#"status=0 written=2 log: ["error a"]"#),
        note: None,
        run: |host| write(host, 2, &[r#"@"a\n""#]),
    },
    Statement {
        id: "WA-03",
        text: "There is no other descriptor to write to: EBADF (8), before memory is looked at.",
        verdict: Verdict::Same(
            "status=8 written=-1 log: []; from outside memory: status=8 written=-1 log: []",
        ),
        note: None,
        run: |host| {
            let good = write(host, 3, &[r#"@"a\n""#]);
            let bad = write(host, 3, &["(i32.const -8) (i32.const 4)"]);
            format!("{good}; from outside memory: {bad}")
        },
    },
    Statement {
        id: "WA-04",
        text: "Several pieces are one record, of which only the last newline is cut.",
        verdict: Verdict::Same(r#"status=0 written=6 log: ["info ab", "c", ""]"#),
        note: None,
        run: |host| write(host, 1, &[r#"@"a""#, r#"@"b\nc\n\n""#]),
    },
    Statement {
        id: "WA-05",
        text: "Nothing written is no record.",
        verdict: Verdict::Same(
            "status=0 written=0 log: []; two empty pieces: status=0 written=0 log: []",
        ),
        note: None,
        run: |host| {
            let empty = write(host, 1, &[]);
            // The address of an empty piece does not count.
            let pieces = ["(i32.const -8) (i32.const 0)", r#"@"""#];
            format!("{empty}; two empty pieces: {}", write(host, 1, &pieces))
        },
    },
    Statement {
        id: "WA-06",
        text: "A piece outside memory is EFAULT (21), and nothing is logged.",
        verdict: Verdict::Same("status=21 written=-1 log: []"),
        note: None,
        run: |host| write(host, 1, &[r#"@"a""#, "(i32.const -8) (i32.const 4)"]),
    },
];

/// Writes strings with one call and says what came of it; `written` is -1 when the host left it.
fn write(host: &Host, descriptor: u32, strings: &[&str]) -> String {
    let mut body = String::from("(i32.store (i32.const 0x100) (i32.const -1))\n");
    for (index, string) in strings.iter().enumerate() {
        let at = 0x200 + 8 * index;
        body.push_str(&format!("(call $piece (i32.const {at}) {string})\n"));
    }
    let count = strings.len();
    body.push_str(&format!(
        r#"(call $report @"status" (call $fd_write (i32.const {descriptor})
             (i32.const 0x200) (i32.const {count}) (i32.const 0x100)))
           (call $report @"written" (i32.load (i32.const 0x100)))"#
    ));
    let module = guest(&format!(
        r#"(func $piece (param $at i32) (param $ptr i32) (param $size i32)
             (i32.store (local.get $at) (local.get $ptr))
             (i32.store offset=4 (local.get $at) (local.get $size)))
           {}"#,
        on_request_headers(&body, 0)
    ));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    assert_eq!(proxy.get("/").send().status, 200);
    let (status, written) = (proxy.report("status"), proxy.report("written"));
    format!(
        "status={status} written={written} log: {:?}",
        record(&proxy)
    )
}

/// The lines of the record before the report `status`: the first with its level, further ones as
/// they were printed.
fn record(proxy: &Running) -> Vec<String> {
    let mut lines = Vec::new();
    for line in proxy.output() {
        match GuestLine::parse(&line) {
            Some(report) if report.message.starts_with("status=") => break,
            Some(first) => lines = vec![format!("{} {}", first.level, first.message)],
            // A proxy may serve before it has printed all that it says of its start.
            None if lines.is_empty() || is_chat(&line) => {}
            None => lines.push(line),
        }
    }
    lines
}
