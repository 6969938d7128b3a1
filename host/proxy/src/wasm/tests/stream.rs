use http::StatusCode;
use http::header::HeaderMap;
use tollgate_config::FailurePolicy;

use super::{chain, header, start};
use crate::callout::tests::on_worker;
use crate::filter::{Event, HeaderTable};

const SET_HEADER: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $replace (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 3)))
        (i32.const 0))"#;

const DENY: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $reply (i32.const 403) (i32.const 10) (i32.const 6) (i32.const 10) (i32.const 6)
            (i32.const 0) (i32.const 0) (i32.const -1)))"#;

#[test]
fn a_plugin_changes_request_headers() {
    on_worker(async {
        let plugin = start(SET_HEADER, FailurePolicy::FailClosed);
        let chain = chain(&plugin);
        chain.request_headers(true);
        assert_eq!(
            chain.next_request_event(),
            Some(Event::Headers {
                end_of_stream: true
            })
        );
        assert_eq!(header(chain.state(), "x-guest"), Some(b"yes".to_vec()));
        chain.complete(|| ());
    });
}

#[test]
fn a_plugin_answers_the_client() {
    on_worker(async {
        let plugin = start(DENY, FailurePolicy::FailClosed);
        let chain = chain(&plugin);
        chain.request_headers(true);
        assert_eq!(chain.next_request_event(), None);
        let reply = chain.take_local_reply().unwrap();
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert_eq!(reply.body, "denied");
        assert_eq!(reply.details, "denied");
        assert_eq!(reply.grpc_status, None);
        chain.complete(|| ());
    });
}

#[test]
fn a_plugin_hears_nothing_of_a_response_to_a_request_that_never_reached_it() {
    on_worker(async {
        let trap = r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (unreachable))"#;
        let chain = chain(&start(trap, FailurePolicy::FailClosed));
        let headers = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
        *chain.state().response_headers.borrow_mut() = Some(headers);
        chain.response_headers(true);
        assert_eq!(
            chain.next_response_event(),
            Some(Event::Headers {
                end_of_stream: true
            })
        );
        chain.complete(|| ());
    });
}

#[test]
fn a_plugin_may_reset_the_stream() {
    on_worker(async {
        let reset = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $close (i32.const 0))) (i32.const 1))"#;
        let chain = chain(&start(reset, FailurePolicy::FailClosed));
        chain.request_headers(true);
        assert!(chain.take_reset());
        let details = chain.state().info.response_code_details.borrow().clone();
        assert_eq!(details.as_deref(), Some("wasm_close_stream"));
        chain.complete(|| ());
    });
}

#[test]
fn a_stream_leaves_nothing_in_the_vm() {
    on_worker(async {
        let plugin = start(SET_HEADER, FailurePolicy::FailClosed);
        let (first, second) = (chain(&plugin), chain(&plugin));
        first.request_headers(true);
        assert_eq!(plugin.context_count(), 3);
        first.complete(|| ());
        second.complete(|| ());
        assert_eq!(plugin.context_count(), 1);
    });
}
