//! DNS lookups.

use core::net::Ipv4Addr;
use std::time::Duration;

use tollgate_runtime::ResolvedAddress;
use tollgate_runtime::abi::Status;

use crate::support::{on_request_headers, start};

const LOOKUP: &str = r#"
  (call $say (call $envoy_resolve_dns @"a.test" (i32.const 0x300)))
  (call $say (i32.load (i32.const 0x300)))"#;

const ON_RESOLVE: &str = r#"
  (func (export "envoy_on_resolve_dns") (param i32 i32 i32)
    (call $say (local.get 0)) (call $say (local.get 1)) (call $say (local.get 2))
    (call $read (i32.const 8)))
  (func (export "proxy_on_tick") (param i32) (call $read (i32.const 8)))"#;

#[test]
fn lookups_are_numbered_from_2() {
    let mut plugin = start(&on_request_headers(&LOOKUP.repeat(2)));
    assert_eq!(plugin.request(&[]), ["0", "2", "0", "3"]);
    let done = plugin.services.done.take();
    assert_eq!(done, ["resolve 2 a.test", "resolve 3 a.test"]);
}

#[test]
fn a_lookup_whose_token_cannot_be_written_is_not_made() {
    let body = r#"(call $say (call $envoy_resolve_dns @"a.test" (i32.const -1)))
        (call $say (call $envoy_resolve_dns (i32.const -1) (i32.const 9) (i32.const 0x300)))"#;
    let mut plugin = start(&on_request_headers(body));
    assert_eq!(plugin.request(&[]), ["6", "6"]);
    assert!(plugin.services.done.borrow().is_empty());
}

#[test]
fn a_host_that_cannot_look_up_says_so() {
    let mut plugin = start(&on_request_headers(LOOKUP));
    plugin
        .services
        .refuses_calls
        .set(Some(Status::InternalFailure));
    assert_eq!(plugin.request(&[]), ["10", "2"]);
}

#[test]
fn addresses_can_be_read_in_their_callback_only() {
    let mut plugin = start(ON_RESOLVE);
    let address = ResolvedAddress {
        address: Ipv4Addr::LOCALHOST.into(),
        ttl: Duration::from_secs(60),
    };
    plugin
        .vm
        .on_resolve_dns(plugin.root, 7, Some(&[address]))
        .unwrap();
    let answer = r"\x01\x00\x00\x00<\x00\x00\x00127.0.0.1:0\x00";
    assert_eq!(plugin.said(), ["1", "7", "20", "0", answer]);
    plugin.vm.on_tick(plugin.root).unwrap();
    assert_eq!(plugin.said(), ["0", ""]);
}

#[test]
fn a_lookup_that_failed_has_no_addresses() {
    let mut plugin = start(ON_RESOLVE);
    plugin.vm.on_resolve_dns(plugin.root, 7, None).unwrap();
    assert_eq!(plugin.said(), ["1", "7", "0", "0", ""]);
}

#[test]
fn a_name_without_addresses_is_a_list_of_none() {
    let mut plugin = start(ON_RESOLVE);
    let none = Some([].as_slice());
    plugin.vm.on_resolve_dns(plugin.root, 7, none).unwrap();
    assert_eq!(plugin.said(), ["1", "7", "4", "0", r"\x00\x00\x00\x00"]);
}

#[test]
fn addresses_for_a_plugin_that_is_gone_are_dropped() {
    let mut plugin = start(ON_RESOLVE);
    plugin.vm.shut_down(plugin.root).unwrap();
    plugin.vm.on_resolve_dns(plugin.root, 7, None).unwrap();
    assert!(plugin.said().is_empty());
}
