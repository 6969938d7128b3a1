use std::net::{Ipv4Addr, SocketAddr};

use http::StatusCode;
use tollgate_config::FailurePolicy;

use super::{chain, guest, local_reply, plugin, registry_with_origin, runtime, start};
use crate::callout::tests::{on_worker, origin};
use crate::filter::Event;

/// Pauses streams; the tick answers the last one.
const REPLY_ON_TICK: &str = r#"
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $set_tick (i32.const 5))) (i32.const 1))
    (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (global.set $stream (local.get $id)) (i32.const 1))
    (func (export "proxy_on_tick") (param i32)
        (drop (call $act_on (global.get $stream)))
        (drop (call $reply (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const -1))))"#;

/// Asks the cluster `origin` and goes on, or answers 500 when that cannot be asked.
pub(super) const ASK: &str = r#"
    (data (i32.const 100) "origin")
    (data (i32.const 200) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\04\00\00\00:method\00GET\00:path\00/a\00:authority\00test\00")
    (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (global.set $stream (local.get $id))
        (if (call $http_call (i32.const 100) (i32.const 6) (i32.const 200) (i32.const 65)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 5000) (i32.const 400))
            (then (drop (call $reply (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))))
        (i32.const 1))
    (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (drop (call $act_on (global.get $stream)))
        (drop (call $continue (i32.const 0))))"#;

#[test]
fn a_tick_answers_a_paused_stream() {
    on_worker(async {
        let plugin = start(REPLY_ON_TICK, FailurePolicy::FailClosed);
        let chain = chain(&plugin);
        chain.request_headers(true);
        assert_eq!(chain.next_request_event(), None);
        assert_eq!(local_reply(&chain).await.status, StatusCode::IM_A_TEAPOT);
        chain.complete(|| ());
    });
}

#[test]
fn a_crash_in_a_tick_fails_the_vm_and_answers_who_waits() {
    on_worker(async {
        let crash = REPLY_ON_TICK.replace(
            "(drop (call $act_on (global.get $stream)))",
            "(unreachable)",
        );
        let plugin = start(&crash, FailurePolicy::FailClosed);
        let chain = chain(&plugin);
        chain.request_headers(true);
        assert_eq!(
            local_reply(&chain).await.status,
            StatusCode::SERVICE_UNAVAILABLE
        );
        chain.complete(|| ());
    });
}

#[test]
fn a_stream_goes_on_when_its_callout_is_answered() {
    on_worker(async {
        let (address, served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let registry = registry_with_origin(&runtime(), address);
        let plugin = registry
            .add(&plugin(guest(ASK), FailurePolicy::FailClosed))
            .unwrap();
        let chain = chain(&plugin);
        chain.request_headers(true);
        let event = std::future::poll_fn(|cx| {
            chain.register_request_waker(cx.waker());
            assert!(
                chain.take_local_reply().is_none(),
                "the callout was refused"
            );
            match chain.next_request_event() {
                Some(event) => std::task::Poll::Ready(event),
                None => std::task::Poll::Pending,
            }
        });
        assert_eq!(
            event.await,
            Event::Headers {
                end_of_stream: true
            }
        );
        assert!(served.await.unwrap().starts_with("GET /a HTTP/1.1\r\n"));
        chain.complete(|| ());
    });
}

#[test]
fn an_answer_to_a_stream_that_is_gone_harms_nobody() {
    on_worker(async {
        let (address, served) = origin("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let registry = registry_with_origin(&runtime(), address);
        let plugin = registry
            .add(&plugin(guest(ASK), FailurePolicy::FailClosed))
            .unwrap();
        let gone = chain(&plugin);
        gone.request_headers(true);
        gone.complete(|| ());
        drop(gone);
        served.await.unwrap();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(plugin.context_count(), 1);
        assert!(!plugin.has_failed());
    });
}

#[test]
fn a_callout_to_an_unknown_cluster_is_refused_at_once() {
    on_worker(async {
        let nowhere = ASK.replace("\"origin\"", "\"nobody\"");
        let registry = registry_with_origin(&runtime(), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let plugin = registry
            .add(&plugin(guest(&nowhere), FailurePolicy::FailClosed))
            .unwrap();
        let chain = chain(&plugin);
        chain.request_headers(true);
        assert_eq!(chain.take_local_reply().unwrap().status, 500);
        chain.complete(|| ());
    });
}
