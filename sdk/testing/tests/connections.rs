//! TCP connections through a filter, step by step.

use std::time::Duration;

use serde_json::json;
use tollgate_testing::{
    Artifact, End, Inject, LogLevel, TestHost, UpstreamResponse, for_each_fault,
};

#[path = "../../guest/examples/lines.rs"]
mod lines;
mod support;

use lines::Lines;

const MS: Duration = Duration::from_millis(1);

on_both_engines! { native_tcp::<Lines>, "tollgate" / "lines";
    fn data_is_held_until_the_filter_lets_it_pass(host) {
        let t = host(json!({}));
        let c = t.connect();
        c.client_sends("hel");
        assert!(c.is_held() && c.to_upstream().is_empty());
        c.client_sends("lo\n");
        assert_eq!(c.to_upstream(), b"HELLO\n");
        c.upstream_sends("ok\n").upstream_ends();
        assert_eq!(c.to_client(), b"ok\nbye\n");
        c.client_closes();
        assert_eq!(c.end(), Some(End::ClientLeft));
        t.assert_logged(LogLevel::Info, "1 lines");
        t.assert_nothing_leaked();
    }

    fn the_last_data_need_no_line(host) {
        let t = host(json!({}));
        let c = t.connect();
        c.client_sends("a\nb").client_ends();
        assert_eq!(c.to_upstream(), b"A\nB");
    }

    fn the_filter_closes_a_connection(host) {
        let t = host(json!({}));
        let c = t.connect();
        c.client_sends("quit\n");
        assert_eq!(c.end(), Some(End::Reset));
        c.client_sends("more\n");
        assert!(c.to_upstream().is_empty());
        t.assert_nothing_leaked();
    }

    fn a_connection_waits_for_a_callout(host) {
        let t = host(json!({"blocklist": "list"}))
            .upstream("list", |_| UpstreamResponse::new(200).after(10 * MS));
        let c = t.connect();
        assert!(c.is_held());
        t.advance(10 * MS);
        assert!(!c.is_held());
        c.client_sends("hello\n");
        assert_eq!(c.to_upstream(), b"HELLO\n");
    }

    fn a_blocked_client_is_turned_away(host) {
        let t = host(json!({"blocklist": "list"}))
            .upstream("list", |_| UpstreamResponse::new(403).after(10 * MS));
        let (first, second) = (t.connect(), t.connect());
        first.client_closes();
        t.advance(10 * MS);
        assert_eq!(second.end(), Some(End::Reset));
        t.assert_nothing_leaked();
    }

    fn a_refused_read_closes_the_connection(host) {
        let t = host(json!({})).inject(Inject::hostcall("proxy_get_buffer_bytes").nth(2));
        let c = t.connect();
        c.client_sends("hello\n");
        assert_eq!(c.end(), Some(End::Reset));
        t.assert_nothing_leaked();
    }

    fn no_fault_of_the_host_harms_the_filter(host) {
        let make = || {
            host(json!({"blocklist": "list"})).upstream("list", |_| UpstreamResponse::new(200))
        };
        for_each_fault(make, |t| {
            let c = t.connect();
            t.advance(MS);
            c.client_sends("hello\n").upstream_sends("ok\n").upstream_ends();
            c.client_closes();
            t.advance(Duration::from_secs(10));
        })
        .assert_survived();
    }
}

#[test]
fn several_connections_do_not_mix() {
    let t = TestHost::wasm(Artifact::example("tollgate", "lines"), "{}").workers(2);
    let (first, second) = (t.connect(), t.connect_to(1));
    first.client_sends("a");
    second.client_sends("b\n");
    first.client_sends("\n");
    assert_eq!(
        (first.to_upstream(), second.to_upstream()),
        (b"A\n".to_vec(), b"B\n".to_vec())
    );
}
