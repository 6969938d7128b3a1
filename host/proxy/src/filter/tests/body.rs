use super::{Chain, Direction, Step, text};
use crate::filter::{DataAction, HeadersAction, TrailersAction};

const HEADERS: Step = Step::Headers(HeadersAction::Continue);
const SINGLE: Step = Step::Headers(HeadersAction::StopIteration);
const CONTINUE: Step = Step::Data(DataAction::Continue);
const BUFFER: Step = Step::Data(DataAction::StopIterationAndBuffer);
const WATERMARK: Step = Step::Data(DataAction::StopIterationAndWatermark);
const NO_BUFFER: Step = Step::Data(DataAction::StopIterationNoBuffer);

#[test]
fn a_chunk_goes_on_as_the_filter_left_it() {
    let chain = Chain::new([&[HEADERS, Step::Rewrite("other")], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    assert_eq!(chain.request_out(), ["headers(0)", "data(other,1)"]);
    assert_eq!(chain.calls().last().unwrap(), "b.request_body(other,1)");
}

#[test]
fn a_filter_that_empties_a_chunk_sends_nothing_until_the_end() {
    let chain = Chain::new([&[HEADERS, Step::Rewrite(""), Step::Rewrite("")]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    assert_eq!(chain.request_out(), ["headers(0)"]);
    chain.request_data("two", true);
    assert_eq!(chain.request_out(), ["data(,1)"]);
}

#[test]
fn a_chunk_passes_a_filter_that_looks_at_none() {
    let chain = Chain::new([&[], &[]]);
    chain.filters[0].is_blind.set(true);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("", false);
    chain.request_data("two", true);
    let calls = chain.calls();
    assert_eq!(calls[2..4], ["a.request_body(,0)", "b.request_body(one,0)"]);
    assert_eq!(calls[5..], ["a.request_body(,1)", "b.request_body(two,1)"]);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,1)"]
    );
}

#[test]
fn a_filter_that_looks_at_no_body_holds_it_behind_its_headers() {
    let chain = Chain::new([&[SINGLE], &[]]);
    chain.filters[0].is_blind.set(true);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,1)"]);
    assert_eq!(chain.calls()[1], "a.request_body(one,1)");
}

#[test]
fn an_end_that_comes_alone_goes_on_with_the_bytes_that_wait() {
    let chain = Chain::new([&[HEADERS, CONTINUE, CONTINUE]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("", true);
    assert_eq!(chain.request_out(), ["headers(0)", "data(one,1)"]);
    assert_eq!(chain.calls().last().unwrap(), "a.request_body(,1)");
}

#[test]
fn a_buffering_filter_sees_all_that_came() {
    let chain = Chain::new([&[HEADERS, BUFFER, BUFFER, CONTINUE], &[]]);
    chain.chain.request_headers(false);
    for (data, end) in [("one", false), ("two", false), ("six", true)] {
        chain.request_data(data, end);
    }
    let calls = [
        "a.request_headers(0)",
        "b.request_headers(0)",
        "a.request_body(one,0)",
        "a.request_body(onetwo,0)",
        "a.request_body(onetwosix,1)",
        "b.request_body(onetwosix,1)",
    ];
    assert_eq!(chain.calls(), calls);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,0)", "data(six,1)"]
    );
}

#[test]
fn the_end_of_a_buffered_body_may_carry_no_bytes() {
    let chain = Chain::new([&[HEADERS, BUFFER, Step::Rewrite("new")]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("", true);
    assert_eq!(chain.calls().last().unwrap(), "a.request_body(one,1)");
    assert_eq!(chain.request_out(), ["headers(0)", "data(new,1)"]);
}

#[test]
fn a_buffered_body_stays_in_view_while_paused() {
    let chain = Chain::new([&[HEADERS, BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    let port = &chain.filters[0].port;
    assert_eq!(text(port, Direction::Request), "one");
    port.request.body.borrow_mut().replace(0..3, b"two");
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["headers(0)", "data(two,1)"]);
    assert_eq!(text(port, Direction::Request), "");
}

#[test]
fn buffering_beyond_the_limit_answers_413() {
    let chain = Chain::new([&[HEADERS, BUFFER, BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("1234567890123456", false);
    assert!(chain.chain.wants_request_data());
    chain.request_data("7", false);
    assert_eq!(chain.chain.take_local_reply().unwrap().status, 413);
    assert!(chain.request_out().is_empty());
}

#[test]
fn buffering_a_response_beyond_the_limit_resets_once_headers_are_sent() {
    let chain = Chain::new([&[HEADERS, HEADERS, BUFFER]]);
    chain.chain.request_headers(true);
    chain.response_headers(false);
    assert_eq!(chain.response_out(), ["headers(0)"]);
    chain.response_data("12345678901234567", false);
    assert!(chain.chain.take_local_reply().is_none());
    assert!(chain.chain.take_reset());
}

#[test]
fn with_watermark_the_filter_sees_only_the_new_chunk() {
    let chain = Chain::new([&[HEADERS, WATERMARK, WATERMARK, CONTINUE]]);
    chain.chain.request_headers(false);
    for (data, end) in [("one", false), ("two", false), ("six", true)] {
        chain.request_data(data, end);
    }
    let calls = [
        "a.request_headers(0)",
        "a.request_body(one,0)",
        "a.request_body(two,0)",
        "a.request_body(six,1)",
    ];
    assert_eq!(chain.calls(), calls);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,0)", "data(six,1)"]
    );
}

#[test]
fn with_watermark_the_sender_is_slowed_down_above_the_limit() {
    let chain = Chain::new([&[HEADERS, WATERMARK]]);
    chain.chain.request_headers(false);
    chain.request_data("12345678901234567", false);
    assert!(!chain.chain.wants_request_data());
    assert!(chain.chain.take_local_reply().is_none());
}

#[test]
fn without_buffer_the_chunk_is_dropped() {
    let chain = Chain::new([&[HEADERS, NO_BUFFER, CONTINUE]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("two", true);
    assert_eq!(chain.request_out(), ["headers(0)", "data(two,1)"]);
}

#[test]
fn an_end_that_was_dropped_with_its_chunk_is_told_on_resume() {
    let chain = Chain::new([&[HEADERS, NO_BUFFER]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    assert_eq!(chain.request_out(), ["headers(0)"]);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["data(,1)"]);
}

#[test]
fn what_was_buffered_before_survives_a_stop_without_buffer() {
    let chain = Chain::new([&[HEADERS, BUFFER, NO_BUFFER, CONTINUE]]);
    chain.chain.request_headers(false);
    for (data, end) in [("one", false), ("two", false), ("six", true)] {
        chain.request_data(data, end);
    }
    assert_eq!(chain.calls().last().unwrap(), "a.request_body(six,1)");
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,0)", "data(six,1)"]
    );
}

#[test]
fn held_headers_go_out_with_the_body_that_released_them() {
    let chain = Chain::new([&[SINGLE, BUFFER, CONTINUE], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    assert!(chain.request_out().is_empty());
    chain.request_data("two", true);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "data(two,1)"]
    );
    let calls = chain.calls();
    assert_eq!(calls[3], "b.request_headers(0)");
    assert_eq!(calls[4], "b.request_body(onetwo,1)");
}

#[test]
fn trailers_release_a_buffered_body() {
    let chain = Chain::new([&[HEADERS, BUFFER], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_trailers();
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "trailers"]
    );
}

#[test]
fn paused_trailers_keep_a_buffered_body() {
    let stop = Step::Trailers(TrailersAction::StopIteration);
    let chain = Chain::new([&[HEADERS, BUFFER, stop]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_trailers();
    assert_eq!(chain.request_out(), ["headers(0)"]);
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["data(one,0)", "trailers"]);
}

#[test]
fn trailers_made_at_the_end_of_the_body_are_shown_to_the_next_filter_only() {
    let chain = Chain::new([&[HEADERS, Step::AddTrailers], &[]]);
    chain.chain.request_headers(false);
    chain.request_data("one", true);
    let calls = [
        "a.request_headers(0)",
        "b.request_headers(0)",
        "a.request_body(one,1)",
        "b.request_body(one,0)",
        "b.request_trailers",
    ];
    assert_eq!(chain.calls(), calls);
    assert_eq!(
        chain.request_out(),
        ["headers(0)", "data(one,0)", "trailers"]
    );
}

#[test]
fn each_filter_holds_its_own_bytes() {
    let chain = Chain::new([&[HEADERS, CONTINUE, BUFFER], &[HEADERS, BUFFER, CONTINUE]]);
    chain.chain.request_headers(false);
    chain.request_data("one", false);
    chain.request_data("two", true);
    assert_eq!(chain.request_out(), ["headers(0)"]);
    assert_eq!(text(&chain.filters[0].port, Direction::Request), "two");
    assert_eq!(text(&chain.filters[1].port, Direction::Request), "one");
    chain.resume(0, Direction::Request);
    assert_eq!(chain.request_out(), ["data(one,0)", "data(two,1)"]);
    assert_eq!(chain.calls().last().unwrap(), "b.request_body(onetwo,1)");
}
