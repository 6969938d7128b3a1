use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::{Chain, Direction, Step};
use crate::filter::{DataAction, HeadersAction, LocalReply};

const HEADERS: Step = Step::Headers(HeadersAction::Continue);
const WATERMARK: Step = Step::Headers(HeadersAction::StopAllIterationAndWatermark);
const BUFFER: Step = Step::Data(DataAction::StopIterationAndBuffer);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting_waker() -> (Waker, impl Fn() -> usize) {
    let count = Arc::new(Count::default());
    (Waker::from(Arc::clone(&count)), move || {
        count.0.load(Ordering::Relaxed)
    })
}

#[test]
fn resuming_what_is_not_paused_changes_nothing() {
    let chain = Chain::new([&[], &[WATERMARK]]);
    chain.resume(0, Direction::Request);
    chain.resume(1, Direction::Request);
    chain.chain.request_headers(true);
    assert!(chain.request_out().is_empty());
    chain.resume(0, Direction::Request);
    chain.resume(1, Direction::Response);
    assert!(chain.request_out().is_empty());
}

#[test]
fn after_a_resume_from_a_body_pause_the_filter_is_not_called_for_what_it_held() {
    let chain = Chain::new([&[HEADERS, BUFFER], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.calls();
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,0)"]);
    assert_eq!(chain.calls(), ["b.request_body(one,0)"]);
}

#[test]
fn chunks_after_a_resume_are_shown_again_and_lose_nothing() {
    let chain = Chain::new([&[HEADERS, BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,0)"]);
    chain.request_data("two", true);
    assert_eq!(chain.calls().last().unwrap(), "a.request_body(two,1)");
    assert_eq!(chain.request_out(), ["data(two,1)"]);
}

#[test]
fn a_filter_may_pause_again_on_the_body_it_gets_when_it_resumes() {
    let chain = Chain::new([&[WATERMARK, BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(0)"]);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["data(one,1)"]);
}

#[test]
fn the_response_side_may_resume_the_request_side() {
    let chain = Chain::new([&[HEADERS, BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    chain.response_headers(true);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.response_out(), ["headers(1)"]);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,1)"]);
}

#[test]
fn a_resume_wakes_its_direction_only() {
    let chain = Chain::new([&[WATERMARK]]);
    let (request, request_wakes) = counting_waker();
    let (response, response_wakes) = counting_waker();
    chain.chain.register_request_waker(&request);
    chain.chain.register_response_waker(&response);
    chain.chain.request_headers(true);
    chain.resume(0, Direction::Request);
    assert_eq!((request_wakes(), response_wakes()), (1, 0));
}

#[test]
fn a_local_reply_and_a_reset_wake_both_directions() {
    let chain = Chain::new([&[WATERMARK]]);
    let (request, request_wakes) = counting_waker();
    let (response, response_wakes) = counting_waker();
    chain.chain.register_request_waker(&request);
    chain.chain.register_response_waker(&response);
    let reply = LocalReply::new(http::StatusCode::FORBIDDEN, "", "test");
    chain.chain.state().send_local_reply(reply);
    assert_eq!((request_wakes(), response_wakes()), (1, 1));
    chain.chain.register_request_waker(&request);
    chain.chain.state().reset();
    assert_eq!((request_wakes(), response_wakes()), (2, 1));
}
