//! Several requests at once, step by step, on one worker and on several.

use std::time::Duration;

use serde_json::json;
use tollgate_testing::{End, Stage, TestHost, UpstreamResponse, in_turn};

#[path = "../../guest/examples/gatekeeper.rs"]
mod gatekeeper;
mod support;

use gatekeeper::Gatekeeper;

const MS: Duration = Duration::from_millis(1);

fn slow(delay: u32) -> UpstreamResponse {
    UpstreamResponse::new(200).after(delay * MS)
}

on_both_engines! { native::<Gatekeeper>, "tollgate" / "gatekeeper";
    fn each_request_goes_on_when_its_own_callout_ends(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", in_turn([slow(20), slow(10)]));
        let first = t.get("/").header("x-user", "ann").begin();
        let second = t.get("/").header("x-user", "bob").begin();
        first.assert_stage(&Stage::RequestPaused);
        t.advance(10 * MS);
        first.assert_stage(&Stage::RequestPaused);
        second.assert_stage(&Stage::Forwarded);
        t.advance(10 * MS);
        first.assert_stage(&Stage::Forwarded);
        second.finish().assert_status(200).assert_upstream_header("x-checked", "yes");
        first.finish().assert_status(200);
        t.assert_nothing_leaked();
    }

    fn one_client_that_leaves_does_not_disturb_another(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(10));
        let stays = t.get("/").header("x-user", "ann").begin();
        let leaves = t.get("/").header("x-user", "bob").begin();
        leaves.leave().assert_end(&End::ClientLeft).assert_not_forwarded();
        t.advance(10 * MS);
        stays.finish().assert_status(200);
        t.assert_nothing_leaked();
    }

    fn a_body_is_sent_piece_by_piece(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(5));
        let upload = t.post("/").header("x-user", "ann").open();
        upload.assert_stage(&Stage::RequestPaused).send_body("card ");
        t.advance(5 * MS);
        upload.assert_stage(&Stage::RequestPaused).send_body("12345").end_body("6");
        upload.assert_stage(&Stage::Forwarded);
        upload.finish().assert_upstream_body("card 1234**\n");
    }

    fn the_test_answers_in_the_origins_place(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(0));
        let stream = t.get("/").header("x-user", "ann").begin();
        t.advance(MS);
        stream.respond_headers(201, &[("x-from", "test")]).assert_stage(&Stage::Response);
        stream.respond_body("one ").end_response("two");
        stream.finish().assert_status(201).assert_header("x-from", "test")
            .assert_header("x-served", "ann").assert_body("one two");
    }

    fn an_upstream_that_breaks_off_late_resets_the_stream(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(0));
        let stream = t.get("/").header("x-user", "ann").begin();
        t.advance(MS);
        stream.respond_headers(200, &[]).respond_body("half").upstream_resets();
        stream.assert_stage(&Stage::Over(End::UpstreamReset));
        t.assert_nothing_leaked();
    }

    fn an_early_break_is_the_503_of_the_proxy(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(0));
        let stream = t.get("/").header("x-user", "ann").begin();
        t.advance(MS);
        stream.upstream_resets();
        stream.finish().assert_status(503).assert_body_contains("reset before headers");
    }

    fn workers_share_what_one_of_them_has_stored(host) {
        let t = host(json!({"cluster": "a"})).workers(3).upstream("a", |_| slow(1));
        for worker in [0, 1, 2, 0] {
            t.get("/").header("x-user", "ann").on_worker(worker).send().assert_status(200);
        }
        assert_eq!(t.callouts().len(), 1, "the others find the verdict in the shared data");
        t.assert_counter("gatekeeper_requests{result=ok}", 4);
        t.assert_nothing_leaked();
    }

    fn every_worker_has_its_own_timer(host) {
        let t = host(json!({"cluster": "a", "heartbeat_ms": 100})).workers(2);
        t.advance(250 * MS);
        t.assert_counter("gatekeeper_heartbeats", 4);
    }

    fn an_origin_may_be_slow_silent_or_gone(host) {
        let t = host(json!({"cluster": "a"})).upstream("a", |_| slow(0)).origin(in_turn([
            UpstreamResponse::new(200).body("abcdef").chunks(&[2, 2]).after(MS),
            UpstreamResponse::silent(),
            UpstreamResponse::refused(),
            UpstreamResponse::reset(),
        ]));
        let before = t.now_nanos();
        let get = || t.get("/").header("x-user", "ann").send();
        get().assert_status(200).assert_body("abcdef");
        assert_eq!(t.now_nanos() - before, 1_000_000);
        get().assert_status(504);
        get().assert_status(503).assert_body_contains("connection failure");
        get().assert_status(503).assert_body_contains("connection termination");
    }
}
