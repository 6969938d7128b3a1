//! Shared data.

use std::sync::Arc;

use tollgate_runtime::{CasMismatch, SetError, SharedData, SharedLimits, SharedState, VmConfig};

use crate::support::{compile, on_request_headers, plugin_config, start, start_module, wat};

/// Reads a key and reports status, value and whether the number is not 0.
fn get(key: &str) -> String {
    format!(
        r#"(i32.store (i32.const 0x300) (i32.const 0))
           (call $check (call $proxy_get_shared_data @"{key}" (i32.const 0x100) (i32.const 0x104) (i32.const 0x300)))
           (call $say (i32.ne (i32.load (i32.const 0x300)) (i32.const 0)))"#
    )
}

fn set(key: &str, value: &str, cas: &str) -> String {
    format!(r#"(call $say (call $proxy_set_shared_data @"{key}" @"{value}" {cas}))"#)
}

/// The number of the last `get`.
const LAST: &str = "(i32.load (i32.const 0x300))";

fn says(parts: &[String]) -> Vec<String> {
    start(&on_request_headers(&parts.concat())).request(&[])
}

#[test]
fn an_unknown_key_is_not_found_and_a_stored_one_is() {
    let said = says(&[get("k"), set("k", "v", "(i32.const 0)"), get("k")]);
    assert_eq!(said, ["1", "0", "0", "0", "v", "1"]);
}

#[test]
fn an_empty_value_exists() {
    let said = says(&[set("k", "", "(i32.const 0)"), get("k")]);
    assert_eq!(said, ["0", "0", "", "1"]);
}

#[test]
fn only_the_current_number_swaps() {
    let said = says(&[
        set("k", "1", "(i32.const 77)"),
        get("k"),
        set("k", "2", LAST),
        set("k", "3", LAST),
        set("k", "4", "(i32.const 0)"),
        get("k"),
    ]);
    assert_eq!(said, ["0", "0", "1", "1", "0", "8", "0", "0", "4", "1"]);
}

#[test]
fn bad_pointers_are_refused() {
    let body = r#"(call $say (call $proxy_set_shared_data (i32.const -1) (i32.const 9) @"v" (i32.const 0)))
        (call $say (call $proxy_set_shared_data @"k" (i32.const -1) (i32.const 9) (i32.const 0)))
        (call $say (call $proxy_get_shared_data (i32.const -1) (i32.const 9) (i32.const 0x100) (i32.const 0x104) (i32.const 0x300)))
        (call $say (call $proxy_set_shared_data @"k" @"v" (i32.const 0)))
        (call $say (call $proxy_get_shared_data @"k" (i32.const 0x100) (i32.const 0x104) (i32.const -1)))"#;
    assert_eq!(says(&[body.to_owned()]), ["6", "6", "6", "0", "6"]);
}

#[test]
fn vms_share_data_by_their_id_whatever_their_code() {
    let shared = Arc::new(SharedState::default());
    let _lease = shared.lease("a");
    let run = |vm_id: &str, body: String| {
        let module = compile(&wat(&on_request_headers(&body))).unwrap();
        let vm = VmConfig {
            vm_id: vm_id.to_owned(),
            ..VmConfig::default()
        };
        let plugin = start_module(&module, vm, plugin_config(), Arc::clone(&shared));
        plugin.unwrap().request(&[])
    };
    run("a", set("k", "v", "(i32.const 0)"));
    assert_eq!(run("a", get("k")), ["0", "v", "1"]);
    assert_eq!(run("b", get("k")), ["1", "0"]);
    assert_eq!(shared.data().get("a", b"k").unwrap().0, "v");
    shared.data().remove_vm("a");
    assert_eq!(run("a", get("k")), ["1", "0"]);
}

#[test]
fn what_one_vm_id_may_store_is_bounded() {
    let data = SharedData::with_limits(SharedLimits { keys: 2, bytes: 10 });
    data.set("vm", b"a", b"1234", 0).unwrap();
    assert_eq!(data.set("vm", b"b", b"123456", 0), Err(SetError::Full));
    data.set("vm", b"b", b"1234", 0).unwrap();
    assert_eq!(data.set("vm", b"c", b"", 0), Err(SetError::Full));
    data.set("vm", b"a", b"", 0).unwrap();
    data.set("vm", b"b", b"12345678", 0).unwrap();
    data.set("other", b"a", b"1234", 0).unwrap();
}

#[test]
fn the_store_alone_swaps_like_the_hostcall() {
    let data = SharedData::default();
    let first = data.set("vm", b"k", b"1", 9).unwrap();
    assert_ne!(first, 0);
    let second = data.set("vm", b"k", b"2", first).unwrap();
    let mismatch = SetError::CasMismatch(CasMismatch { current: second });
    assert_eq!(data.set("vm", b"k", b"3", first), Err(mismatch));
}
