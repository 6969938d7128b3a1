//! The log and its level.

use super::on_request;
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "SM-16",
        text: "A line may have the levels 0 to 5; level 6 is BadArgument.",
        verdict: Verdict::Same(
            "level 0=0, level 1=0, level 2=0, level 3=0, level 4=0, level 5=0, level 6=2",
        ),
        note: None,
        run: levels,
    },
    Statement {
        id: "SM-17",
        text: "The level of the log is one of 0 to 6.",
        verdict: Verdict::Same("status=0, known=1"),
        note: None,
        run: level,
    },
];

fn levels(host: &Host) -> String {
    let calls = (0..=6).map(|level| {
        format!(r#"(call $report @"level {level}" (call $proxy_log (i32.const {level}) @"line"))"#)
    });
    let reports = on_request(host, &calls.collect::<String>());
    let reports = reports.split(", ").filter(|report| *report != "line");
    reports.collect::<Vec<_>>().join(", ")
}

fn level(host: &Host) -> String {
    let body = r#"(i32.store (i32.const 0x300) (i32.const -1))
        (call $report @"status" (call $proxy_get_log_level (i32.const 0x300)))
        (call $report @"known" (i32.le_u (i32.load (i32.const 0x300)) (i32.const 6)))"#;
    on_request(host, body)
}
