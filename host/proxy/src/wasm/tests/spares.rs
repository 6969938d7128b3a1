use tollgate_config::FailurePolicy;
use tollgate_runtime::{Engine, EngineOptions};

use super::waiting::ASK;
use super::{Lab, chain, header, request};
use crate::callout::tests::{on_worker, origin};

const STREAM: &str = "isolation: stream";

/// Counts requests in memory and in a global and tells both; what ends without a body crashes.
const COUNT: &str = r#"
    (global $count (mut i32) (i32.const 48))
    (func (export "proxy_on_request_headers") (param i32 i32) (param $end i32) (result i32)
        (if (local.get $end) (then (unreachable)))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store (i32.const 200) (i32.add (i32.load (i32.const 200)) (global.get $count)))
        (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 200)
            (i32.const 1)))
        (i32.const 0))"#;

/// Whether this system tells what an instance has written, so that it can be used again.
fn is_possible() -> bool {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    engine.capabilities().pagemap_scan
}

fn serve(plugin: &super::PluginHandle) {
    let chain = chain(plugin);
    chain.request_headers(false);
    assert_eq!(header(chain.state(), "x-guest"), Some(b"1".to_vec()));
    chain.complete(|| ());
}

#[test]
fn a_stream_begins_as_in_a_new_instance_where_others_have_ended() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT, FailurePolicy::FailClosed);
        (0..10).for_each(|_| serve(&plugin));
        let made = if is_possible() { [1, 9] } else { [10, 0] };
        let counted = ["wasm.instances_created", "wasm.instances_reused"];
        assert_eq!(counted.map(|name| lab.stat(name)), made);
        assert_eq!(lab.stat("wasm.vms_alive"), 1, "nobody has a spare");
    });
}

#[test]
fn streams_at_one_time_have_instances_of_their_own() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT, FailurePolicy::FailClosed);
        for _ in 0..3 {
            let chains = [0; 100].map(|_| chain(&plugin));
            for chain in &chains {
                chain.request_headers(false);
                assert_eq!(header(chain.state(), "x-guest"), Some(b"1".to_vec()));
            }
            assert_eq!(lab.stat("wasm.vms_alive"), 101);
            chains.iter().for_each(|chain| chain.complete(|| ()));
        }
        let created = lab.stat("wasm.instances_created");
        assert_eq!(created + lab.stat("wasm.instances_reused"), 300);
        assert!(created > 100, "so many are not kept");
    });
}

#[test]
fn an_instance_that_has_crashed_is_not_used_again() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT, FailurePolicy::FailClosed);
        for _ in 0..3 {
            let crash = request(&plugin);
            crash.complete(|| ());
            drop(crash);
        }
        assert_eq!(lab.stat("wasm.instances_reused"), 0);
        assert_eq!(lab.stat("wasm.vms_alive"), 1);
        serve(&plugin);
    });
}

#[test]
fn an_answer_that_a_stream_did_not_wait_for_reaches_no_other() {
    on_worker(async {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (address, served) = origin(answer).await;
        let lab = Lab::with_origin(STREAM, address);
        let plugin = lab.start(ASK, FailurePolicy::FailClosed);
        let gone = chain(&plugin);
        gone.request_headers(true);
        gone.complete(|| ());
        drop(gone);
        let next = chain(&plugin);
        next.request_headers(true);
        served.await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lab.stat("wasm.instances_reused"), 0);
        assert_eq!(lab.stat("wasm.guest.faults.trap"), 0);
        next.complete(|| ());
    });
}

#[test]
fn spares_go_with_their_plugin() {
    on_worker(async {
        let lab = Lab::new(STREAM);
        let plugin = lab.start(COUNT, FailurePolicy::FailClosed);
        serve(&plugin);
        serve(&plugin);
        drop(plugin);
        let Lab { stats, registry } = lab;
        drop(registry);
        let lab = Lab {
            stats,
            ..Lab::new("")
        };
        assert_eq!(lab.stat("wasm.vms_alive"), 0);
    });
}
