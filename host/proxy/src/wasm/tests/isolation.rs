use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tollgate_config::{FailurePolicy, Node, Settings};

use super::{Lab, answered_503, chain, chain_of, guest, header, passes, plugin, request};
use crate::callout::tests::{clusters, on_worker};
use crate::filter::tests::stream_state;
use crate::filter::{Direction, Event};
use crate::network::{ConnectionState, End, NetworkAction, PeerType};
use crate::telemetry::Stats;
use crate::wasm::{PluginRegistry, StreamVms, WasmRuntime};

const STREAM: &str = "isolation: stream";

/// Crashes at requests without a body, counts the others and tells the count.
const COUNT_OR_CRASH: &str = r#"
    (global $count (mut i32) (i32.const 48))
    (func (export "proxy_on_request_headers") (param i32 i32) (param $end i32) (result i32)
        (if (local.get $end) (then (unreachable)))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 200) (global.get $count))
        (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 200)
            (i32.const 1)))
        (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (if (i32.ne (global.get $count) (i32.const 49)) (then (unreachable)))
        (i32.const 0))"#;

const BODY_FOLLOWS: Option<Event> = Some(Event::Headers {
    end_of_stream: false,
});

#[test]
fn a_crash_ends_its_stream_and_no_other() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT_OR_CRASH, FailurePolicy::FailClosed);
        let others: Vec<_> = (0..20).map(|_| chain(&plugin)).collect();
        for chain in &others {
            chain.request_headers(false);
            assert_eq!(chain.next_request_event(), BODY_FOLLOWS);
        }
        answered_503(&request(&plugin));
        for chain in &others {
            chain.request_data("x".into(), true);
            assert!(chain.next_request_event().is_some());
            assert!(chain.take_local_reply().is_none());
            chain.complete(|| ());
        }
        assert!(!plugin.has_failed());
        assert_eq!(lab.stat("wasm.guest.vm_reload_success"), 0);
        assert_eq!(lab.stat("wasm.guest.faults.trap"), 1);
    });
}

#[test]
fn no_stream_sees_what_another_has_left_in_memory() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT_OR_CRASH, FailurePolicy::FailClosed);
        for _ in 0..3 {
            let chain = chain(&plugin);
            chain.request_headers(false);
            assert_eq!(header(chain.state(), "x-guest"), Some(b"1".to_vec()));
            chain.complete(|| ());
        }
    });
}

#[test]
fn an_instance_lives_as_long_as_its_stream() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT_OR_CRASH, FailurePolicy::FailClosed);
        assert_eq!(lab.stat("wasm.vms_alive"), 1);
        let (first, second) = (chain(&plugin), chain(&plugin));
        first.request_headers(false);
        assert_eq!(lab.stat("wasm.vms_alive"), 3);
        first.complete(|| ());
        drop(first);
        assert_eq!(lab.stat("wasm.vms_alive"), 2);
        second.complete(|| ());
        drop(second);
        assert_eq!(lab.stat("wasm.vms_alive"), 1);
        assert_eq!(lab.stat("wasm.instances_created"), 2);
        assert_eq!(lab.stat("wasm.snapshots"), 1);
    });
}

#[test]
fn plugins_of_one_vm_share_the_instance_of_a_stream() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let first = plugin(guest(COUNT_OR_CRASH), FailurePolicy::FailClosed);
        let mut second = first.clone();
        second.root_id = "other".to_owned();
        let (first, second) = (
            lab.registry.add(&first).unwrap(),
            lab.registry.add(&second).unwrap(),
        );
        for _ in 0..2 {
            let chain = chain_of(&[&first, &second]);
            chain.request_headers(false);
            assert_eq!(header(chain.state(), "x-guest"), Some(b"2".to_vec()));
            chain.complete(|| ());
        }
        let counts = ["wasm.instances_created", "wasm.instances_reused"];
        let streams: u64 = counts.map(|name| lab.stat(name)).iter().sum();
        assert_eq!(streams, 2);
    });
}

#[test]
fn a_paused_stream_is_not_answered_for_the_crash_of_another() {
    on_worker(async {
        let pause = r#"(func (export "proxy_on_request_headers") (param i32 i32) (param $end i32)
            (result i32)
            (if (local.get $end) (then (unreachable)))
            (i32.const 1))"#;
        let lab = Lab::new(STREAM);
        let plugin = lab.start(pause, FailurePolicy::FailClosed);
        let paused = chain(&plugin);
        paused.request_headers(false);
        answered_503(&request(&plugin));
        assert_eq!(paused.next_request_event(), None);
        assert!(paused.take_local_reply().is_none());
        paused.complete(|| ());
    });
}

#[test]
fn a_crash_at_the_end_of_a_stream_harms_nobody() {
    on_worker(async {
        for callback in ["proxy_on_log", "proxy_on_delete"] {
            let crash = format!(r#"(func (export "{callback}") (param i32) (unreachable))"#);
            let lab = Lab::new(STREAM);
            let plugin = lab.start(&crash, FailurePolicy::FailClosed);
            let first = request(&plugin);
            passes(&first);
            first.complete(|| ());
            drop(first);
            passes(&request(&plugin));
            assert_eq!(lab.stat("wasm.guest.faults.trap"), 1, "{callback}");
            assert_eq!(lab.stat("wasm.vms_alive"), 1, "{callback}");
        }
    });
}

/// Ticks every few milliseconds and counts to nine; tells streams the count.
const TICKS: &str = r#"
    (global $count (mut i32) (i32.const 48))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $set_tick (i32.const 2))) (i32.const 1))
    (func (export "proxy_on_tick") (param i32)
        (i32.store8 (i32.const 8192) (i32.const 1))
        (if (i32.lt_u (global.get $count) (i32.const 57))
            (then (global.set $count (i32.add (global.get $count) (i32.const 1))))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.load8_u (i32.const 8192)) (then
            (i32.store8 (i32.const 200) (global.get $count))
            (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 200)
                (i32.const 1)))))
        (i32.const 0))"#;

#[test]
fn what_a_tick_changes_reaches_later_streams() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(TICKS, FailurePolicy::FailClosed);
        let early = request(&plugin);
        assert_eq!(header(early.state(), "x-guest"), None);
        let mut last = None;
        while last.as_deref() != Some(b"9".as_slice()) {
            let chain = request(&plugin);
            let count = header(chain.state(), "x-guest");
            assert!(count >= last, "{count:?} after {last:?}");
            last = count;
            chain.complete(|| ());
            tokio::task::yield_now().await;
        }
        assert_eq!(
            lab.stat("wasm.snapshots"),
            1,
            "no tick is worth a compilation"
        );
        assert_eq!(lab.stat("wasm.delta_pages"), 1);
        early.complete(|| ());
    });
}

#[test]
fn a_crash_of_the_plugins_own_vm_harms_no_stream() {
    on_worker(async {
        let set = "(i32.store8 (i32.const 8192) (i32.const 1))";
        let lab = Lab::new(STREAM);
        let crash = TICKS.replace(set, "(unreachable)");
        let plugin = lab.start(&crash, FailurePolicy::FailClosed);
        let early = chain(&plugin);
        while lab.stat("wasm.guest.faults.trap") == 0 {
            tokio::task::yield_now().await;
        }
        passes(&request(&plugin));
        early.request_headers(true);
        passes(&early);
        early.complete(|| ());
    });
}

/// Crashes at the second connection that its memory has seen.
const CRASH_SECOND_CONNECTION: &str = r#"
    (global $count (mut i32) (i32.const 0))
    (func (export "proxy_on_new_connection") (param i32) (result i32)
        (if (global.get $count) (then (unreachable)))
        (global.set $count (i32.const 1))
        (i32.const 0))
    (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) (unreachable))"#;

#[test]
fn a_connection_has_an_instance_of_its_own_too() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(CRASH_SECOND_CONNECTION, FailurePolicy::FailClosed);
        let connect = || {
            let state = ConnectionState::new(stream_state());
            let filter = plugin.create_network_filter(&state, &mut StreamVms::default(), 0);
            let filter = filter.unwrap();
            assert_eq!(filter.on_new_connection(), NetworkAction::Continue);
            (state, filter)
        };
        let ((first, first_filter), (second, second_filter)) = (connect(), connect());
        let action = first_filter.on_data(Direction::Request, false);
        assert_ne!(action, NetworkAction::Continue);
        assert_eq!(first.end(), Some(End::Plugin));
        assert_eq!(second.end(), None);
        for filter in [first_filter, second_filter] {
            filter.on_close(PeerType::Remote);
            drop(filter);
        }
        assert_eq!(lab.stat("wasm.guest.faults.trap"), 1);
        assert_eq!(lab.stat("wasm.vms_alive"), 1);
    });
}

/// Has a table that a snapshot cannot hold.
const WITHOUT_SNAPSHOT: &str = r#"
    (table $table 1 funcref)
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (table.set $table (i32.const 0) (ref.null func)) (i32.const 0))"#;

#[test]
fn what_cannot_have_instances_is_refused_where_they_are_asked_for() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let config = plugin(guest(WITHOUT_SNAPSHOT), FailurePolicy::FailClosed);
        let error = lab.registry.add(&config).unwrap_err().to_string();
        assert!(
            error.starts_with("plugin `guest`: isolation `stream`: "),
            "{error}"
        );
        assert!(error.contains("table.set"), "{error}");
    });
}

#[test]
fn what_declares_stream_and_cannot_have_it_runs_as_in_envoy() {
    let declares = format!(r#"(@custom "tollgate_isolation" "stream") {WITHOUT_SNAPSHOT}"#);
    on_worker(async move {
        let lab = Lab::new("");
        let plugin = lab.start(&declares, FailurePolicy::FailClosed);
        passes(&request(&plugin));
        assert_eq!(lab.stat("wasm.instances_created"), 0);
    });
}

#[test]
fn settings_decide_before_the_module_does() {
    let declares = format!(r#"(@custom "tollgate_isolation" "stream") {COUNT_OR_CRASH}"#);
    on_worker(async move {
        for (settings, instances) in [
            ("", 1),
            ("isolation: worker", 0),
            (
                "isolation: worker\nplugins: {guest: {isolation: stream}}",
                1,
            ),
        ] {
            let lab = Lab::new(settings);
            let plugin = lab.start(&declares, FailurePolicy::FailClosed);
            chain(&plugin).complete(|| ());
            assert_eq!(lab.stat("wasm.instances_created"), instances, "{settings}");
        }
    });
}

#[test]
fn workers_share_one_snapshot() {
    on_worker(async {
        let stats = Stats::new();
        let settings = Settings::parse(STREAM, "tollgate.yaml").unwrap();
        let runtime = WasmRuntime::new(&stats, Arc::new(settings));
        let origin = clusters(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let config = plugin(guest(COUNT_OR_CRASH), FailurePolicy::FailClosed);
        let worker = || {
            PluginRegistry::new(
                &runtime,
                &origin,
                &Node::default(),
                &stats,
                &Arc::default(),
                None,
            )
        };
        let workers = [worker(), worker()];
        let plugins = workers
            .each_ref()
            .map(|worker| worker.add(&config).unwrap());
        plugins
            .iter()
            .for_each(|plugin| chain(plugin).complete(|| ()));
        let taken = stats.snapshot().into_iter();
        let taken = taken.filter(|stat| stat.name == "wasm.snapshots");
        let values: Vec<_> = taken.map(|stat| stat.value).collect();
        assert_eq!(values, [crate::telemetry::StatValue::Counter(1)]);
    });
}
