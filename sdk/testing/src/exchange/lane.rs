//! Lane: one direction of an exchange, from its sender through the filter to its receiver.

use std::collections::VecDeque;

use tollgate_abi::{DataAction, HeadersAction, TrailersAction};

use crate::model::{Side, Table};
use crate::upstream::{Entries, Message};

/// What is sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Headers { entries: Entries, ends: bool },
    Body { bytes: Vec<u8>, ends: bool },
    Trailers(Entries),
}

/// Whether the filter lets a direction pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    #[default]
    Passing,
    /// Held, but what comes next is shown to the filter.
    Held,
    /// Held, and nothing is shown until the filter goes on.
    Stopped,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Sent, but not yet shown to the filter.
    waiting: VecDeque<Part>,
    flow: Flow,
    has_shown_headers: bool,
    has_shown_end: bool,
    /// Held where the filter does not see it.
    aside: Vec<u8>,
    passed: Message,
    has_passed_headers: bool,
    has_ended: bool,
    is_abandoned: bool,
}

impl Lane {
    /// Adds what was sent.
    pub(crate) fn push(&mut self, part: Part) {
        if !self.is_abandoned {
            self.waiting.push_back(part);
            self.join_if_stopped();
        }
    }

    /// Pieces of a body that wait behind a stop will come as one.
    fn join_if_stopped(&mut self) {
        if self.flow != Flow::Stopped {
            return;
        }
        let mut joined: VecDeque<Part> = VecDeque::new();
        for part in self.waiting.drain(..) {
            match (joined.back_mut(), part) {
                (
                    Some(Part::Body { bytes, ends }),
                    Part::Body {
                        bytes: more,
                        ends: last,
                    },
                ) => {
                    bytes.extend_from_slice(&more);
                    *ends |= last;
                }
                (_, part) => joined.push_back(part),
            }
        }
        self.waiting = joined;
    }

    /// Takes what is to be shown next, if the filter lets anything be shown.
    pub(crate) fn next(&mut self) -> Option<Part> {
        if self.flow == Flow::Stopped {
            return None;
        }
        let part = self.waiting.pop_front()?;
        self.has_shown_headers = true;
        self.has_shown_end |= match &part {
            Part::Headers { ends, .. } | Part::Body { ends, .. } => *ends,
            Part::Trailers(_) => true,
        };
        Some(part)
    }

    pub(crate) fn on_headers(&mut self, action: HeadersAction, side: &Side) {
        match action {
            HeadersAction::Continue => self.go_on(side),
            HeadersAction::StopIteration => self.flow = Flow::Held,
            HeadersAction::StopAllIterationAndBuffer
            | HeadersAction::StopAllIterationAndWatermark => self.flow = Flow::Stopped,
        }
        self.join_if_stopped();
    }

    pub(crate) fn on_body(&mut self, action: DataAction, side: &Side) {
        match action {
            DataAction::Continue => return self.go_on(side),
            DataAction::StopIterationAndBuffer => {}
            DataAction::StopIterationAndWatermark => self.aside.extend(side.body.take()),
            DataAction::StopIterationNoBuffer => drop(side.body.take()),
        }
        self.flow = Flow::Held;
    }

    pub(crate) fn on_trailers(&mut self, action: TrailersAction, side: &Side) {
        match action {
            TrailersAction::Continue => self.go_on(side),
            TrailersAction::StopIteration => self.flow = Flow::Stopped,
        }
    }

    /// Passes on what is held.
    fn go_on(&mut self, side: &Side) {
        self.flow = Flow::Passing;
        if self.has_shown_headers && !self.has_passed_headers {
            self.passed.headers = entries(side.headers.borrow().as_ref());
            self.has_passed_headers = true;
        }
        self.passed.body.append(&mut self.aside);
        self.passed.body.append(&mut side.body.borrow_mut());
        if self.has_shown_end {
            self.passed.trailers = entries(side.trailers.borrow().as_ref());
            self.has_ended = true;
        }
    }

    /// Goes on because the filter asked for it; whether it was held.
    pub(crate) fn resume(&mut self, side: &Side) -> bool {
        let was_held = self.flow != Flow::Passing;
        if was_held {
            self.go_on(side);
        }
        was_held
    }

    /// Drops what waits; nothing more passes.
    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        self.flow = Flow::Passing;
        self.is_abandoned = true;
    }

    pub(crate) fn is_held(&self) -> bool {
        self.flow != Flow::Passing
    }

    /// Whether nothing happens until the filter goes on.
    pub(crate) fn is_paused(&self) -> bool {
        self.flow == Flow::Stopped || (self.is_held() && self.has_shown_end)
    }

    pub(crate) const fn has_begun(&self) -> bool {
        self.has_shown_headers
    }

    pub(crate) const fn has_passed_headers(&self) -> bool {
        self.has_passed_headers
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(crate) const fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    /// What has passed the filter.
    pub(crate) const fn passed(&self) -> &Message {
        &self.passed
    }
}

fn entries(table: Option<&Table>) -> Entries {
    table.map(Table::entries).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use tollgate_abi::{DataAction, HeadersAction};

    use super::{Lane, Part};
    use crate::model::Side;

    fn body(text: &str, ends: bool) -> Part {
        let bytes = text.as_bytes().to_vec();
        Part::Body { bytes, ends }
    }

    fn lane_after(action: HeadersAction, side: &Side) -> Lane {
        let mut lane = Lane::default();
        let entries = Vec::new();
        lane.push(Part::Headers {
            entries,
            ends: false,
        });
        assert!(lane.next().is_some());
        lane.on_headers(action, side);
        lane
    }

    #[test]
    fn what_waits_behind_a_stop_comes_as_one() {
        let side = Side::default();
        let mut lane = lane_after(HeadersAction::StopAllIterationAndWatermark, &side);
        lane.push(body("a", false));
        lane.push(body("b", true));
        assert_eq!(lane.next(), None);
        assert!(lane.resume(&side));
        assert_eq!(lane.next(), Some(body("ab", true)));
    }

    #[test]
    fn a_direction_that_is_not_held_cannot_be_resumed() {
        let side = Side::default();
        assert!(!lane_after(HeadersAction::Continue, &side).resume(&side));
    }

    #[test]
    fn what_was_set_aside_passes_before_what_the_filter_sees() {
        let side = Side::default();
        let mut lane = lane_after(HeadersAction::Continue, &side);
        for (text, action) in [
            ("a", DataAction::StopIterationAndWatermark),
            ("b", DataAction::StopIterationAndBuffer),
        ] {
            side.body.borrow_mut().extend_from_slice(text.as_bytes());
            lane.on_body(action, &side);
        }
        assert!(lane.passed().body.is_empty());
        assert!(lane.resume(&side));
        assert_eq!(lane.passed().body, b"ab");
    }
}
