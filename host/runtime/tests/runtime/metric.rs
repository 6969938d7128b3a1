//! Metrics.

use std::sync::Arc;

use tollgate_runtime::abi::MetricType;
use tollgate_runtime::{Limits, MetricValue, SharedState, VmConfig};

use crate::support::{
    compile, on_request_headers, plugin_config, start, start_module, start_with, vm_config, wat,
};

/// Defines a metric and reports status and id.
fn define(kind: i32, name: &str) -> String {
    format!(
        r#"(call $say (call $proxy_define_metric (i32.const {kind}) @"{name}" (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))"#
    )
}

fn increment(id: i32, by: i64) -> String {
    format!("(call $say (call $increment (i32.const {id}) (i64.const {by})))")
}

fn record(id: i32, value: i64) -> String {
    format!("(call $say (call $record (i32.const {id}) (i64.const {value})))")
}

/// Reports status and the low half of the value.
fn get(id: i32) -> String {
    format!(
        "(i64.store (i32.const 0x300) (i64.const 77))
         (call $say (call $proxy_get_metric (i32.const {id}) (i32.const 0x300)))
         (call $say (i32.load (i32.const 0x300)))"
    )
}

fn says(parts: &[String]) -> Vec<String> {
    start(&on_request_headers(&parts.concat())).request(&[])
}

#[test]
fn ids_carry_their_kind_and_are_new_each_time() {
    let said = says(&[
        define(0, "c"),
        define(1, "g"),
        define(2, "h"),
        define(0, "c"),
    ]);
    assert_eq!(said, ["0", "4", "0", "5", "0", "6", "0", "8"]);
}

#[test]
fn a_kind_that_does_not_exist_is_refused_after_bad_pointers() {
    let body = r#"(call $say (call $proxy_define_metric (i32.const 3) @"x" (i32.const 0x300)))
        (call $say (call $proxy_define_metric (i32.const 3) (i32.const -1) (i32.const 9) (i32.const 0x300)))"#;
    assert_eq!(says(&[body.to_owned()]), ["2", "6"]);
}

#[test]
fn counters_grow_and_recording_adds() {
    let said = says(&[
        define(0, "c"),
        increment(4, 2),
        increment(4, 0),
        increment(4, -1),
        record(4, 3),
        get(4),
    ]);
    assert_eq!(said[2..], ["0", "2", "2", "0", "0", "5"]);
}

#[test]
fn gauges_move_both_ways_and_recording_sets() {
    let said = says(&[
        define(1, "g"),
        record(5, 7),
        increment(5, -3),
        get(5),
        increment(5, -6),
        get(5),
    ]);
    assert_eq!(said[2..], ["0", "0", "0", "4", "0", "0", "-2"]);
}

#[test]
fn histograms_are_only_recorded() {
    let said = says(&[define(2, "h"), record(6, 5), increment(6, 1), get(6)]);
    assert_eq!(said[2..], ["0", "2", "2", "77"]);
}

#[test]
fn unknown_ids_are_told_apart_from_ids_without_a_kind() {
    let said = says(&[
        get(4),
        get(7),
        increment(5, 0),
        increment(7, 1),
        record(7, 1),
        record(6, 1),
    ]);
    assert_eq!(said, ["1", "77", "2", "77", "1", "2", "1", "1"]);
    assert_eq!(says(&[get(0), record(1, 1)]), ["1", "77", "1"]);
}

#[test]
fn metrics_of_one_name_are_one_across_vms_and_can_be_exported() {
    let body = [
        define(0, "requests"),
        record(4, 2),
        define(2, "ms"),
        record(6, 30),
    ]
    .concat();
    let module = compile(&wat(&on_request_headers(&body))).unwrap();
    let shared = Arc::new(SharedState::default());
    for _ in 0..2 {
        let mut plugin =
            start_module(&module, vm_config(), plugin_config(), Arc::clone(&shared)).unwrap();
        plugin.request(&[]);
    }
    let metrics = shared.metrics().snapshot();
    let names: Vec<_> = metrics
        .iter()
        .map(|metric| (metric.name.as_str(), metric.kind))
        .collect();
    assert_eq!(
        names,
        [
            ("ms", MetricType::Histogram),
            ("requests", MetricType::Counter)
        ]
    );
    assert_eq!(metrics[1].value, MetricValue::Counter(4));
    let MetricValue::Histogram(histogram) = &metrics[0].value else {
        panic!("{metrics:?}")
    };
    assert_eq!((histogram.count, histogram.sum), (2, 60));
    let at_most = |bound: f64| {
        histogram
            .buckets
            .iter()
            .find(|bucket| bucket.0 == bound)
            .unwrap()
            .1
    };
    assert_eq!((at_most(25.0), at_most(50.0)), (0, 2));
}

#[test]
fn a_guest_cannot_define_metrics_without_end() {
    let limits = Limits {
        metrics: 2,
        ..Limits::default()
    };
    let vm = VmConfig {
        limits,
        ..vm_config()
    };
    let body = [define(0, "a"), define(0, "a"), define(0, "a")].concat();
    let mut plugin = start_with(&on_request_headers(&body), vm, plugin_config()).unwrap();
    assert_eq!(plugin.request(&[]), ["0", "4", "0", "8", "10", "8"]);
}
