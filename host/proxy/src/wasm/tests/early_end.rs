use std::rc::Rc;

use bytes::Bytes;
use tollgate_config::FailurePolicy;

use super::{Lab, PluginHandle, answered_503, chain, header, passes, plugin, request};
use crate::callout::tests::on_worker;
use crate::filter::Event;

/// Sets a header to how many streams were deleted in its memory, and imports nothing else.
fn start(lab: &Lab, more: &str) -> Rc<PluginHandle> {
    let text = format!(
        r#"(module
            (import "env" "proxy_replace_header_map_value"
                (func $replace (param i32 i32 i32 i32 i32) (result i32)))
            {more}
            (memory (export "memory") 1)
            (data (i32.const 0) "x-guest0")
            (func (export "malloc") (param i32) (result i32) (i32.const 4096))
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 7)
                    (i32.const 1)))
                (i32.const 0))
            (func (export "proxy_on_delete") (param i32)
                (i32.store8 (i32.const 7)
                    (i32.add (i32.load8_u (i32.const 7)) (i32.const 1)))))"#
    );
    let code = Bytes::from(wat::parse_str(text).unwrap());
    let plugin = plugin(code, FailurePolicy::FailClosed);
    lab.registry.add(&plugin).unwrap()
}

const SILENT: &str = r#"(@custom "tollgate_stream_end" (after import) "silent")"#;

/// Returns how many instances there are while streams that have passed their headers go on, and
/// how many deletions the stream after them sees.
fn instances(isolation: &str, more: &str) -> (u64, String) {
    let lab = Lab::new(&format!("isolation: {isolation}"));
    let plugin = start(&lab, more);
    let chains = [0; 5].map(|_| chain(&plugin));
    chains.iter().for_each(|chain| chain.request_headers(false));
    let alive = lab.stat("wasm.vms_alive") - 1;
    chains.iter().for_each(|chain| chain.complete(|| ()));
    let next = chain(&plugin);
    next.request_headers(false);
    let seen = header(next.state(), "x-guest").unwrap();
    next.complete(|| ());
    assert_eq!(lab.stat("wasm.vms_alive"), 1);
    (alive, String::from_utf8(seen).unwrap())
}

#[test]
fn an_instance_is_left_once_its_guest_needs_no_more() {
    on_worker(async {
        assert_eq!(instances("stream", SILENT), (0, "0".to_owned()));
    });
}

#[test]
fn a_guest_that_does_not_say_so_keeps_its_instance() {
    on_worker(async {
        let others = [
            "",
            r#"(@custom "tollgate_stream_end" (after import) "spoken")"#,
            r#"(@custom "tollgate_stream_end" (after import) "silent, perhaps")"#,
        ];
        for other in others {
            assert_eq!(instances("stream", other), (5, "0".to_owned()), "{other}");
        }
    });
}

#[test]
fn a_guest_that_hears_more_or_waits_for_answers_keeps_its_instance() {
    on_worker(async {
        let call = "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32";
        let others = [
            r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))"#,
            r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))"#,
            r#"(func (export "proxy_on_log") (param i32))"#,
            r#"(func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))"#,
            &format!(r#"(import "env" "proxy_http_call" (func (param {call}) (result i32)))"#),
        ];
        for other in others {
            let seen = instances("stream", &format!("{other} {SILENT}"));
            assert_eq!(seen, (5, "0".to_owned()), "{other}");
        }
    });
}

/// Crashes in the second stream; 1 is the root.
const ONE_CALL: &str = r#"
    (func (export "tollgate_on_request") (param $id i32) (param i32 i32) (result i32)
        (if (i32.gt_u (local.get $id) (i32.const 2)) (then (unreachable)))
        (i32.const 0))"#;

#[test]
fn a_stream_that_its_guest_has_deleted_outlives_the_vm() {
    on_worker(async {
        let lab = Lab::new("isolation: worker");
        let plugin = start(&lab, &format!("{ONE_CALL} {SILENT}"));
        let first = chain(&plugin);
        first.request_headers(true);
        passes(&first);
        answered_503(&request(&plugin));
        first.response_headers(true);
        let end_of_stream = true;
        assert_eq!(
            first.next_response_event(),
            Some(Event::Headers { end_of_stream })
        );
        first.complete(|| ());
        passes(&request(&plugin));
        assert_eq!(lab.stat("wasm.guest.faults.trap"), 1);
    });
}

#[test]
fn where_streams_share_a_vm_each_ends_in_its_time() {
    on_worker(async {
        assert_eq!(instances("worker", SILENT), (0, "5".to_owned()));
        let lab = Lab::new("isolation: worker");
        let plugin = start(&lab, SILENT);
        let chains = [0; 2].map(|_| chain(&plugin));
        for chain in &chains {
            chain.request_headers(false);
            assert_eq!(header(chain.state(), "x-guest"), Some(b"0".to_vec()));
        }
        chains.iter().for_each(|chain| chain.complete(|| ()));
    });
}
