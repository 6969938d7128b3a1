//! Time, random numbers, and waiting.

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "WA-09",
        text: "Clock 0 is the time of day, as proxy_get_current_time_nanoseconds; clock 1 never \
               goes back; there is no other.",
        verdict: Verdict::Same(
            "realtime=0, proxy=0, close=1, monotonic=0, monotonic=0, ordered=1, two=58, \
             three=58, out of memory=21",
        ),
        note: None,
        run: clocks,
    },
    Statement {
        id: "WA-10",
        text: "random_get gives up to 65536 bytes; more is EINVAL (28); for none the address does \
               not count.",
        verdict: Verdict::Same(
            "65537=28, 65536=0, changed=1, 0 at a wild address=0, out of memory=21",
        ),
        note: None,
        run: random,
    },
    Statement {
        id: "WA-14",
        text: "poll_oneoff answers at once that nothing has happened, whatever is waited for.",
        verdict: Verdict::Same("status=0, events=0"),
        note: None,
        run: poll,
    },
];

fn clocks(host: &Host) -> String {
    let body = r#"
      (call $report @"realtime" (call $clock_time_get
        (i32.const 0) (i64.const 0) (i32.const 0x200)))
      (call $report @"proxy" (call $proxy_get_current_time_nanoseconds (i32.const 0x208)))
      ;; Less than a minute apart, and after 2020.
      (call $report @"close" (i32.and
        (i64.lt_u (i64.sub (i64.load (i32.const 0x208)) (i64.load (i32.const 0x200)))
          (i64.const 60000000000))
        (i64.gt_u (i64.load (i32.const 0x200)) (i64.const 1577836800000000000))))
      (call $report @"monotonic" (call $clock_time_get
        (i32.const 1) (i64.const 0) (i32.const 0x210)))
      (call $report @"monotonic" (call $clock_time_get
        (i32.const 1) (i64.const 0) (i32.const 0x218)))
      (call $report @"ordered"
        (i64.le_u (i64.load (i32.const 0x210)) (i64.load (i32.const 0x218))))
      (call $report @"two" (call $clock_time_get (i32.const 2) (i64.const 0) (i32.const 0x200)))
      (call $report @"three" (call $clock_time_get (i32.const 3) (i64.const 0) (i32.const 0x200)))
      (call $report @"out of memory" (call $clock_time_get
        (i32.const 0) (i64.const 0) (i32.const -4)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

fn random(host: &Host) -> String {
    let body = r#"
      (call $report @"65537" (call $random_get (i32.const 0x10000) (i32.const 65537)))
      (call $report @"65536" (call $random_get (i32.const 0x10000) (i32.const 65536)))
      (call $report @"changed" (i64.ne (i64.load (i32.const 0x1fff8)) (i64.const 0)))
      (call $report @"0 at a wild address" (call $random_get (i32.const -8) (i32.const 0)))
      (call $report @"out of memory" (call $random_get (i32.const -8) (i32.const 4)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}

fn poll(host: &Host) -> String {
    // One subscription: the monotonic clock, relative, one second.
    let body = r#"
      (i32.store (i32.const 0x100) (i32.const -1))
      (i32.store (i32.const 0x210) (i32.const 1))
      (i64.store (i32.const 0x218) (i64.const 1000000000))
      (call $report @"status" (call $poll_oneoff
        (i32.const 0x200) (i32.const 0x300) (i32.const 1) (i32.const 0x100)))
      (call $report @"events" (i32.load (i32.const 0x100)))
    "#;
    host.reports(&guest(&on_request_headers(body, 0)))
}
