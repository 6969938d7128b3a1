//! Metrics.

use super::on_request;
use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "SM-11",
        text: "Metrics of a type above 2 are BadArgument; the first counter, gauge and histogram \
               get the ids 4, 5 and 6.",
        verdict: Verdict::Same("define=2, counter=4, gauge=5, histogram=6, second counter=8"),
        note: None,
        run: ids,
    },
    Statement {
        id: "SM-12",
        text: "A counter is not incremented by 0 or less, which is BadArgument; a gauge goes down.",
        verdict: Verdict::Same("zero=2, down=2, counter=0, gauge up=0, gauge down=0, gauge=4"),
        note: None,
        run: increments,
    },
    Statement {
        id: "SM-13",
        text: "A value recorded for a counter is added, for a gauge it is set.",
        verdict: Verdict::Same("counter=5, gauge=3"),
        note: None,
        run: records,
    },
    Statement {
        id: "SM-14",
        text: "A histogram has no value to get, which is BadArgument; an unknown id is NotFound, \
               one without a type BadArgument, and NotFound for recording.",
        verdict: Verdict::Same(
            "get histogram=2, increment histogram=2, record histogram=0, \
             get unknown=1, increment unknown=1, record unknown=1, \
             get typeless=2, increment typeless=2, record typeless=1",
        ),
        note: None,
        run: kinds,
    },
    Statement {
        id: "SM-15",
        text: "A metric that is defined twice has two ids and one value.",
        verdict: Verdict::Same("first=4, second=8, value=3"),
        note: None,
        run: twice,
    },
    Statement {
        id: "SM-18",
        text: "The statistic of a metric is called wasmcustom, then the metric's name.",
        verdict: Verdict::Same("wasmcustom.a counter.of=3"),
        note: None,
        run: stat,
    },
];

/// Defines a metric; its id lies at this place then.
fn define(kind: i32, name: &str, place: i32) -> String {
    format!(
        r#"(drop (call $proxy_define_metric (i32.const {kind}) @"{name}" (i32.const {place})))"#
    )
}

/// The id at a place.
fn id(place: i32) -> String {
    format!("(i32.load (i32.const {place}))")
}

fn increment(label: &str, id: &str, offset: i64) -> String {
    format!(r#"(call $report @"{label}" (call $proxy_increment_metric {id} (i64.const {offset})))"#)
}

fn record(label: &str, id: &str, value: i64) -> String {
    format!(r#"(call $report @"{label}" (call $proxy_record_metric {id} (i64.const {value})))"#)
}

/// Reports a metric's value.
fn value(label: &str, id: &str) -> String {
    format!(
        r#"(drop (call $proxy_get_metric {id} (i32.const 0x400)))
           (call $report64 @"{label}" (i64.load (i32.const 0x400)))"#
    )
}

/// Reports the status of a request for a metric's value.
fn get(label: &str, id: &str) -> String {
    format!(r#"(call $report @"{label}" (call $proxy_get_metric {id} (i32.const 0x400)))"#)
}

fn quiet(call: &str) -> String {
    call.replace("$report @", "$ignore @")
}

const IGNORE: &str = "(func $ignore (param i32 i32 i32))";

fn ids(host: &Host) -> String {
    let report = |label: &str, place| format!(r#"(call $report @"{label}" {})"#, id(place));
    let body = [
        r#"(call $report @"define" (call $proxy_define_metric (i32.const 3) @"x" (i32.const 0x300)))"#
            .to_owned(),
        define(0, "c", 0x300),
        report("counter", 0x300),
        define(1, "g", 0x304),
        report("gauge", 0x304),
        define(2, "h", 0x308),
        report("histogram", 0x308),
        define(0, "c2", 0x300),
        report("second counter", 0x300),
    ];
    on_request(host, &body.concat())
}

fn increments(host: &Host) -> String {
    let (counter, gauge) = (id(0x300), id(0x304));
    let body = [
        define(0, "c", 0x300),
        define(1, "g", 0x304),
        increment("zero", &counter, 0),
        increment("down", &counter, -1),
        value("counter", &counter),
        increment("gauge up", &gauge, 5),
        increment("gauge down", &gauge, -1),
        value("gauge", &gauge),
    ];
    on_request(host, &body.concat())
}

fn records(host: &Host) -> String {
    let (counter, gauge) = (id(0x300), id(0x304));
    let body = [
        define(0, "c", 0x300),
        define(1, "g", 0x304),
        quiet(&record("", &counter, 2)),
        quiet(&record("", &counter, 3)),
        value("counter", &counter),
        quiet(&record("", &gauge, 2)),
        quiet(&record("", &gauge, 3)),
        value("gauge", &gauge),
    ];
    on_request_with_ignore(host, &body.concat())
}

fn kinds(host: &Host) -> String {
    let tries = |name: &str, id: &str| {
        [
            get(&format!("get {name}"), id),
            increment(&format!("increment {name}"), id, 1),
            record(&format!("record {name}"), id, 1),
        ]
        .concat()
    };
    let body = [
        define(2, "h", 0x300),
        tries("histogram", &id(0x300)),
        tries("unknown", "(i32.const 400)"),
        tries("typeless", "(i32.const 7)"),
    ];
    on_request(host, &body.concat())
}

fn twice(host: &Host) -> String {
    let (first, second) = (id(0x300), id(0x304));
    let body = [
        define(0, "c", 0x300),
        define(0, "c", 0x304),
        format!(r#"(call $report @"first" {first}) (call $report @"second" {second})"#),
        quiet(&increment("", &first, 1)),
        quiet(&increment("", &second, 2)),
        value("value", &first),
    ];
    on_request_with_ignore(host, &body.concat())
}

fn stat(host: &Host) -> String {
    const NAME: &str = "wasmcustom.a counter.of";
    let body = [
        define(0, "a counter.of", 0x300),
        quiet(&increment("", &id(0x300), 3)),
    ];
    let fields = IGNORE.to_owned() + &on_request_headers(&body.concat(), 0);
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
    assert_eq!(proxy.get("/").send().status, 200);
    let value = proxy.stat(NAME).unwrap_or_else(|| "none".to_owned());
    format!("{NAME}={value}")
}

fn on_request_with_ignore(host: &Host, body: &str) -> String {
    let fields = IGNORE.to_owned() + &on_request_headers(body, 0);
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(&fields))));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}
