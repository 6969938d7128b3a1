use super::{Chain, Direction, Step};
use crate::filter::{HeadersAction, TrailersAction};

const CONTINUE: Step = Step::Headers(HeadersAction::Continue);
const WATERMARK: Step = Step::Headers(HeadersAction::StopAllIterationAndWatermark);
const BUFFER: Step = Step::Headers(HeadersAction::StopAllIterationAndBuffer);
const SINGLE: Step = Step::Headers(HeadersAction::StopIteration);

#[test]
fn an_empty_chain_passes_everything_on() {
    let chain = Chain::new([]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("two", false);
    chain.request_trailers();
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,0)", "trailers"]
    );
    chain.response_headers(true);
    assert_eq!(chain.response_out(), ["headers(1)"]);
}

#[test]
fn requests_run_in_order_and_responses_in_reverse() {
    let chain = Chain::new([&[], &[]]);
    chain.chain.request_headers(true);
    assert_eq!(
        chain.calls(),
        ["a.request_headers(1)", "b.request_headers(1)"]
    );
    chain.response_headers(false);
    chain.response_data("x", true);
    let calls = [
        "b.response_headers(0)",
        "a.response_headers(0)",
        "b.response_body(x,1)",
        "a.response_body(x,1)",
    ];
    assert_eq!(chain.calls(), calls);
    assert_eq!(chain.response_out(), ["headers(0)", "data(x,1)"]);
}

#[test]
fn a_paused_request_reaches_neither_the_next_filter_nor_the_upstream() {
    let chain = Chain::new([&[WATERMARK], &[]]);
    chain.chain.request_headers(true);
    assert_eq!(chain.calls(), ["a.request_headers(1)"]);
    assert!(chain.request_out().is_empty());
}

#[test]
fn a_header_only_request_resumes_with_its_end() {
    let chain = Chain::new([&[WATERMARK], &[]]);
    chain.chain.request_headers(true);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(1)"]);
    assert_eq!(
        chain.calls(),
        ["a.request_headers(1)", "b.request_headers(1)"]
    );
}

#[test]
fn after_stop_all_the_body_comes_in_one_callback_to_the_filter_that_stopped() {
    for stop in [WATERMARK, BUFFER] {
        let chain = Chain::new([&[stop], &[]]);
        chain.chain.request_headers(false);
        chain.request_data("one", false);
        chain.request_data("two", true);
        assert_eq!(chain.calls(), ["a.request_headers(0)"]);
        chain.resume(0, Direction::Request);
        assert_eq!(
            chain.request_out(),
            ["headers(0)", "data(one,0)", "data(two,1)"]
        );
        let calls = [
            "b.request_headers(0)",
            "a.request_body(onetwo,1)",
            "b.request_body(onetwo,1)",
        ];
        assert_eq!(chain.calls(), calls);
    }
}

#[test]
fn after_stop_all_trailers_follow_the_body() {
    let chain = Chain::new([&[WATERMARK], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_trailers();
    chain.calls();
    chain.resume(0, Direction::Request);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "trailers"]
    );
    let calls = [
        "b.request_headers(0)",
        "a.request_body(one,0)",
        "b.request_body(one,0)",
        "a.request_trailers",
        "b.request_trailers",
    ];
    assert_eq!(chain.calls(), calls);
}

#[test]
fn an_empty_end_held_by_stop_all_is_told_as_data() {
    let chain = Chain::new([&[WATERMARK]]);
    chain.chain.request_headers(false);
    chain.request_data("", true);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(0)", "data(,1)"]);
    assert_eq!(
        chain.calls(),
        ["a.request_headers(0)", "a.request_body(,1)"]
    );
}

#[test]
fn stop_all_with_watermark_slows_the_sender_above_the_limit() {
    let chain = Chain::new([&[WATERMARK]]);
    chain.chain.request_headers(false);
    assert!(chain.chain.wants_request_data());
    chain.request_data("12345678901234567", false);
    assert!(!chain.chain.wants_request_data());
    assert!(chain.chain.take_local_reply().is_none());
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out().len(), 2);
    assert!(chain.chain.wants_request_data());
}

#[test]
fn stop_all_with_buffer_answers_413_above_the_limit() {
    let chain = Chain::new([&[BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("1234567890123456", false);
    assert!(chain.chain.take_local_reply().is_none());
    chain.request_data("7", false);
    let reply = chain.chain.take_local_reply().unwrap();
    assert_eq!(reply.status, 413);
    assert_eq!(reply.body, "Payload Too Large");
    assert_eq!(reply.details, "request_payload_too_large");
}

#[test]
fn stop_all_with_buffer_answers_500_above_the_limit_of_a_response() {
    let chain = Chain::new([&[CONTINUE, BUFFER]]);
    chain.chain.request_headers(true);
    chain.response_headers(false);
    chain.response_data("12345678901234567", false);
    assert!(chain.response_out().is_empty());
    let reply = chain.chain.take_local_reply().unwrap();
    assert_eq!(reply.status, 500);
    assert_eq!(reply.details, "response_payload_too_large");
}

#[test]
fn real_stop_iteration_shows_the_body_while_headers_are_held() {
    let chain = Chain::new([&[SINGLE], &[]]);
    chain.chain.request_headers(false);
    assert!(chain.request_out().is_empty());
    chain.request_data("one", false);
    let calls = [
        "a.request_headers(0)",
        "a.request_body(one,0)",
        "b.request_headers(0)",
        "b.request_body(one,0)",
    ];
    assert_eq!(chain.calls(), calls);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,0)"]);
}

#[test]
fn real_stop_iteration_is_released_by_trailers() {
    let chain = Chain::new([&[SINGLE]]);
    chain.chain.request_headers(false);
    chain.request_trailers();
    assert_eq!(chain.request_out(), ["headers(0)", "trailers"]);
    assert_eq!(
        chain.calls(),
        ["a.request_headers(0)", "a.request_trailers"]
    );
}

#[test]
fn real_stop_iteration_is_released_by_a_resume() {
    let chain = Chain::new([&[SINGLE]]);
    chain.chain.request_headers(true);
    assert!(chain.request_out().is_empty());
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(1)"]);
}

#[test]
fn a_filter_behind_may_pause_again_when_the_first_resumes() {
    let chain = Chain::new([&[WATERMARK], &[WATERMARK]]);
    chain.chain.request_headers(true);
    chain.resume(0, Direction::Request);
    assert!(chain.request_out().is_empty());
    chain.resume(1, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(1)"]);
}

#[test]
fn a_paused_response_reaches_no_client_until_it_resumes() {
    let chain = Chain::new([&[CONTINUE, WATERMARK]]);
    chain.chain.request_headers(true);
    assert_eq!(chain.request_out(), ["headers(1)"]);
    chain.response_headers(false);
    chain.response_data("body", true);
    assert!(chain.response_out().is_empty());
    assert!(!chain.chain.state().response_sent());
    chain.resume(0, Direction::Response);
    assert_eq!(chain.response_out(), ["headers(0)", "data(body,1)"]);
    assert!(chain.chain.state().response_sent());
}

#[test]
fn paused_trailers_hold_only_themselves() {
    let stop = Step::Trailers(TrailersAction::StopIteration);
    let chain = Chain::new([&[CONTINUE, CONTINUE, stop]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_trailers();
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,0)"]);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["trailers"]);
}

#[test]
fn a_stream_is_logged_by_all_before_it_is_destroyed_by_any() {
    let chain = Chain::new([&[], &[]]);
    chain.chain.complete(|| ());
    chain.chain.complete(|| ());
    assert_eq!(chain.calls(), ["a.log", "b.log", "a.destroy", "b.destroy"]);
}
