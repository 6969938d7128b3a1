//! Plugins without streams: queues across workers, access logs, the end of a plugin.

use std::time::Duration;

use serde_json::json;
use tollgate_testing::{LogLevel, TestHost, UpstreamResponse, for_each_fault};

#[path = "../../guest/examples/mailbox.rs"]
mod mailbox;
mod support;

use mailbox::Mailbox;

on_both_engines! { native_service::<Mailbox>, "tollgate" / "mailbox";
    fn a_logger_is_told_of_requests_that_pass_it_by(host) {
        let t = host(json!({})).access_logger().origin(|_| UpstreamResponse::new(502));
        t.get("/").send().assert_status(502).assert_forwarded();
        assert_eq!(t.metric("mailbox_letters{kind=bad}"), 0, "news come when time passes");
        t.advance(Duration::ZERO);
        t.assert_counter("mailbox_letters{kind=bad}", 1);
        t.assert_logged(LogLevel::Info, "a letter: 502");
        t.assert_nothing_leaked();
    }

    fn items_reach_the_worker_that_registered_last(host) {
        let t = host(json!({})).workers(3).access_logger();
        for worker in 0..3 {
            t.get("/").on_worker(worker).send().assert_status(200);
        }
        t.advance(Duration::ZERO);
        t.assert_counter("mailbox_letters{kind=good}", 3);
        assert_eq!(t.dequeue("letters"), None);
    }

    fn a_test_can_write_letters_too(host) {
        let t = host(json!({}));
        t.start().unwrap();
        t.enqueue("letters", "599");
        t.advance(Duration::ZERO);
        t.assert_counter("mailbox_letters{kind=bad}", 1);
    }

    fn a_plugin_is_asked_to_finish(host) {
        let t = host(json!({})).workers(2);
        assert!(t.shut_down());
        t.assert_logged(LogLevel::Info, "the mailbox is closed");
        t.assert_nothing_leaked();
    }

    fn no_fault_of_the_host_harms_the_mailbox(host) {
        for_each_fault(|| host(json!({})).access_logger(), |t| {
            t.get("/").send();
            t.advance(Duration::ZERO);
            t.shut_down();
        })
        .assert_survived();
    }
}
