use super::{Chain, Direction, Step};
use crate::filter::{DataAction, HeadersAction, LocalReply};

const HEADERS: Step = Step::Headers(HeadersAction::Continue);
const WATERMARK: Step = Step::Headers(HeadersAction::StopAllIterationAndWatermark);

fn reply(status: u16) -> LocalReply {
    LocalReply::new(http::StatusCode::from_u16(status).unwrap(), "", "test")
}

#[test]
fn a_reply_to_a_request_stops_decoding_for_every_filter() {
    let chain = Chain::new([&[Step::Reply(403)], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_trailers();
    assert!(chain.request_out().is_empty());
    assert_eq!(chain.calls(), ["a.request_headers(0)"]);
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 403);
    chain.request_data("two", true);
    assert!(chain.request_out().is_empty());
    assert!(chain.calls().is_empty());
}

#[test]
fn a_reply_to_a_request_goes_through_the_response_filters() {
    let chain = Chain::new([&[], &[Step::Reply(403)]]);
    chain.chain.request_headers(true);
    assert!(!chain.chain.state().response_started());
    assert!(chain.chain.take_local_reply().is_some());
    chain.calls();
    chain.response_headers(false);
    chain.response_data("no", true);
    assert_eq!(chain.response_out(), ["headers(0)", "data(no,1)"]);
    let calls = [
        "b.response_headers(0)",
        "a.response_headers(0)",
        "b.response_body(no,1)",
        "a.response_body(no,1)",
    ];
    assert_eq!(chain.calls(), calls);
}

#[test]
fn the_first_reply_that_waits_wins() {
    let chain = Chain::new([&[Step::Reply(403)]]);
    chain.chain.request_headers(true);
    chain.chain.state().send_local_reply(reply(500));
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 403);
    assert!(chain.chain.take_local_reply().is_none());
}

#[test]
fn a_reply_from_a_body_callback_drops_the_body() {
    let chain = Chain::new([&[HEADERS, Step::Reply(403)], &[]]);
    chain.chain.request_headers(false);
    assert_eq!(chain.request_out(), ["headers(0)"]);
    chain.request_data("one", true);
    assert!(chain.request_out().is_empty());
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 403);
}

#[test]
fn a_paused_stream_may_be_answered_later() {
    let chain = Chain::new([&[WATERMARK]]);
    chain.chain.request_headers(true);
    chain.chain.state().send_local_reply(reply(401));
    assert!(chain.request_out().is_empty());
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 401);
    chain.resume(0, Direction::Request);
    assert!(chain.request_out().is_empty());
}

#[test]
fn a_reply_to_a_response_discards_it_and_meets_no_filter() {
    let chain = Chain::new([&[], &[HEADERS, Step::Reply(502)]]);
    chain.chain.request_headers(true);
    chain.response_headers(false);
    chain.response_data("body", true);
    assert!(chain.response_out().is_empty());
    assert!(chain.chain.state().response_started());
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 502);
    assert!(chain.response_out().is_empty());
    let calls = [
        "a.request_headers(1)",
        "b.request_headers(1)",
        "b.response_headers(0)",
    ];
    assert_eq!(chain.calls(), calls);
}

#[test]
fn a_reply_after_the_response_headers_were_sent_resets_the_stream() {
    let chain = Chain::new([&[HEADERS, HEADERS, Step::Reply(502)]]);
    chain.chain.request_headers(true);
    chain.response_headers(false);
    assert_eq!(chain.response_out(), ["headers(0)"]);
    chain.response_data("body", true);
    assert!(chain.chain.take_local_reply().is_none());
    assert!(chain.chain.take_reset());
    assert!(!chain.chain.take_reset());
    assert!(chain.response_out().is_empty());
}

#[test]
fn a_filter_may_replace_its_own_reply_in_the_response_phase() {
    let chain = Chain::new([&[Step::Reply(403), Step::Reply(418)]]);
    chain.chain.request_headers(true);
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 403);
    chain.response_headers(true);
    assert!(chain.response_out().is_empty());
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 418);
}

#[test]
fn a_reset_stops_both_directions() {
    let chain = Chain::new([&[Step::Reset], &[]]);
    chain.chain.request_headers(true);
    assert!(chain.request_out().is_empty());
    assert!(chain.chain.take_reset());
    chain.response_headers(true);
    assert!(chain.response_out().is_empty());
}

#[test]
fn nothing_is_answered_once_the_stream_is_over() {
    let chain = Chain::new([&[Step::Data(DataAction::Continue)]]);
    chain.chain.complete(|| ());
    chain.chain.state().send_local_reply(reply(500));
    chain.chain.state().reset();
    assert!(chain.chain.take_local_reply().is_none());
    assert!(!chain.chain.take_reset());
}
