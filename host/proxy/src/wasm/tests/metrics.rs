use std::sync::Arc;

use tollgate_config::FailurePolicy;

use super::{Lab, guest, passes, plugin, registry, request};
use crate::callout::tests::on_worker;
use crate::telemetry::{StatValue, Stats};
use crate::wasm::WasmRuntime;

fn counter(stats: &Stats, name: &str) -> Option<u64> {
    let found = stats
        .snapshot()
        .into_iter()
        .find(|stat| stat.name == name)?;
    match found.value {
        StatValue::Counter(value) | StatValue::Gauge(value) => Some(value),
        StatValue::Histogram { total, .. } => Some(total.count),
        StatValue::Text(_) => None,
    }
}

#[test]
fn vms_are_counted_while_they_live() {
    on_worker(async {
        let Lab { stats, registry } = Lab::new("");
        let config = plugin(guest(""), FailurePolicy::FailClosed);
        let plugin = registry.add(&config).unwrap();
        assert_eq!(
            counter(&stats, "wasm.envoy.wasm.runtime.wasmtime.created"),
            Some(1)
        );
        assert_eq!(
            counter(&stats, "wasm.envoy.wasm.runtime.wasmtime.active"),
            Some(1)
        );
        assert_eq!(counter(&stats, "wasm.guest.vm_reload_success"), Some(0));
        registry.shut_down();
        drop((plugin, registry));
        assert_eq!(
            counter(&stats, "wasm.envoy.wasm.runtime.wasmtime.active"),
            Some(0)
        );
    });
}

#[test]
fn what_plugins_define_is_among_the_statistics() {
    on_worker(async {
        let stats = Stats::new();
        let runtime = WasmRuntime::new(&stats, Arc::default());
        let define = r#"
            (func (export "proxy_on_configure") (param i32 i32) (result i32)
                (drop (call $define (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 300)))
                (drop (call $define (i32.const 2) (i32.const 10) (i32.const 6) (i32.const 304)))
                (drop (call $record (i32.load (i32.const 300)) (i64.const 5)))
                (drop (call $record (i32.load (i32.const 304)) (i64.const 70)))
                (i32.const 1))"#;
        let _plugin = registry(&runtime).add(&plugin(guest(define), FailurePolicy::FailClosed));
        assert_eq!(counter(&stats, "wasmcustom.x-guest"), Some(5));
        assert_eq!(counter(&stats, "wasmcustom.denied"), Some(1));
    });
}

#[test]
fn limits_come_from_the_settings_and_are_counted_when_they_are_hit() {
    on_worker(async {
        let lab = Lab::new("limits: {shared_data_keys: 1, metrics: 1, header_count: 2}");
        let plugin = lab.start(
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
                 (drop (call $set_shared (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 3) (i32.const 0)))
                 (drop (call $set_shared (i32.const 0) (i32.const 6) (i32.const 7) (i32.const 3) (i32.const 0)))
                 (drop (call $define (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 300)))
                 (drop (call $define (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 300)))
                 (i32.const 1))
               (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                 (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 3)))
                 (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 7) (i32.const 3)))
                 (i32.const 0))"#,
            FailurePolicy::FailClosed,
        );
        passes(&request(&plugin));
        for limit in ["shared_data", "metrics", "header_count"] {
            assert_eq!(lab.stat(&format!("wasm.limit_hit.{limit}")), 1, "{limit}");
        }
    });
}
