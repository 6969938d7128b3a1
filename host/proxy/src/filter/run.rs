//! `Run`: how frames move through a lane, as Envoy's filter manager moves them.

use super::buffer::BodyBuffer;
use super::lane::{Frame, Lane, Stop, Trailers};
use super::state::LanePort;
use super::{DataAction, Direction, HeadersAction, HttpFilter, StreamState, TrailersAction};
use crate::http::local_response::StreamError;

/// A lane together with what it needs to call filters.
pub(super) struct Run<'chain> {
    pub(super) filters: &'chain [Box<dyn HttpFilter>],
    pub(super) state: &'chain StreamState,
    pub(super) buffer_limit: usize,
}

impl Run<'_> {
    /// Hands a frame to the filter at a position of the lane, or out of the chain after the last.
    pub(super) fn deliver(&self, lane: &mut Lane, mut at: usize, frame: Frame) {
        if lane.closed {
            return;
        }
        let filter = loop {
            let Some(filter) = self.filter(lane.direction, at) else {
                lane.out.push(frame);
                return;
            };
            if lane.direction == Direction::Request || filter.hears_response() {
                break filter;
            }
            at += 1;
        };
        match frame {
            Frame::Headers { end_of_stream } => self.headers(lane, at, filter, end_of_stream),
            Frame::Data {
                body,
                end_of_stream,
            } => self.data(lane, at, body, end_of_stream),
            Frame::Trailers => self.trailers(lane, at, filter),
        }
    }

    /// Returns whether all filters pass by what comes in a direction.
    pub(super) fn is_unheard(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.filters.is_empty(),
            Direction::Response => !self.filters.iter().any(|filter| filter.hears_response()),
        }
    }

    /// Goes on wherever a filter that has paused asked for it.
    pub(super) fn resume_all(&self, lane: &mut Lane) {
        // Last to first: what an earlier filter lets go must not meet the wish of a later one that
        // was meant for something else.
        for at in (0..self.filters.len()).rev() {
            let asked = self
                .port(lane.direction, at)
                .is_some_and(|port| port.resume.take());
            if asked && !lane.closed {
                self.resume(lane, at);
            }
        }
    }

    /// Returns the bytes that filters hold in this direction.
    pub(super) fn held_bytes(&self, lane: &Lane) -> usize {
        if self.is_unheard(lane.direction) {
            return 0;
        }
        let ports = (0..self.filters.len()).filter_map(|at| self.port(lane.direction, at));
        lane.held_bytes() + ports.map(|port| port.body.borrow().len()).sum::<usize>()
    }

    fn filter(&self, direction: Direction, at: usize) -> Option<&dyn HttpFilter> {
        let index = match direction {
            Direction::Request => at,
            Direction::Response => self.filters.len().checked_sub(at + 1)?,
        };
        self.filters.get(index).map(|filter| &**filter)
    }

    fn port(&self, direction: Direction, at: usize) -> Option<&LanePort> {
        self.filter(direction, at)
            .map(|filter| filter.port().lane(direction))
    }

    fn headers(&self, lane: &mut Lane, at: usize, filter: &dyn HttpFilter, end_of_stream: bool) {
        let action = match lane.direction {
            Direction::Request => filter.on_request_headers(end_of_stream),
            Direction::Response => filter.on_response_headers(end_of_stream),
        };
        if self.interrupted(lane) {
            return;
        }
        let stop = match action {
            HeadersAction::Continue => {
                return self.deliver(lane, at + 1, Frame::Headers { end_of_stream });
            }
            HeadersAction::StopIteration => Stop::One,
            HeadersAction::StopAllIterationAndBuffer => Stop::All {
                buffer_limit_is_final: true,
            },
            HeadersAction::StopAllIterationAndWatermark => Stop::All {
                buffer_limit_is_final: false,
            },
        };
        let stage = lane.stage(at);
        stage.headers_held = true;
        stage.end_seen = end_of_stream;
        self.pause(lane, at, stop);
    }

    fn data(&self, lane: &mut Lane, at: usize, body: BodyBuffer, end_of_stream: bool) {
        let Some(filter) = self.filter(lane.direction, at) else {
            return;
        };
        let port = filter.port().lane(lane.direction);
        let stage = lane.stage(at);
        stage.end_seen |= end_of_stream;
        if let Stop::All {
            buffer_limit_is_final,
        } = stage.stop
        {
            stage.held.append(body);
            stage.data_held = true;
            if buffer_limit_is_final && stage.held.len() > self.buffer_limit {
                self.overflow(lane);
            }
            return;
        }
        let unseen = if stage.is_flowing() && !filter.sees_body(lane.direction) {
            Some(body)
        } else {
            // Empty unless the filter is buffering: then it sees everything.
            port.body.borrow_mut().append(body);
            None
        };
        let had_trailers = self.has_trailers(lane.direction);
        let action = match lane.direction {
            Direction::Request => filter.on_request_body(end_of_stream),
            Direction::Response => filter.on_response_body(end_of_stream),
        };
        if self.interrupted(lane) {
            return;
        }
        if end_of_stream && !had_trailers && self.has_trailers(lane.direction) {
            lane.stage(at).trailers = Trailers::Seen;
        }
        match action {
            DataAction::Continue => match unseen {
                Some(body) => self.pass(lane, at, body, end_of_stream),
                None => {
                    lane.stage(at).data_held = true;
                    self.release(lane, at);
                }
            },
            DataAction::StopIterationAndBuffer => self.keep_in_view(lane, at, port),
            DataAction::StopIterationAndWatermark => self.keep_out_of_view(lane, at, port),
            DataAction::StopIterationNoBuffer => self.drop_chunk(lane, at, port),
        }
    }

    /// Hands a chunk on past a filter that holds nothing: what [`release`](Self::release) does then,
    /// without moving the chunk about.
    fn pass(&self, lane: &mut Lane, at: usize, body: BodyBuffer, end_of_stream: bool) {
        lane.stage(at).end_seen = false;
        if !body.is_empty() || end_of_stream {
            let data = Frame::Data {
                body,
                end_of_stream,
            };
            self.deliver(lane, at + 1, data);
        }
    }

    fn trailers(&self, lane: &mut Lane, at: usize, filter: &dyn HttpFilter) {
        let stage = lane.stage(at);
        if matches!(stage.stop, Stop::All { .. }) {
            stage.trailers = Trailers::Waiting;
            return;
        }
        stage.trailers = Trailers::Seen;
        let action = match lane.direction {
            Direction::Request => filter.on_request_trailers(),
            Direction::Response => filter.on_response_trailers(),
        };
        if self.interrupted(lane) {
            return;
        }
        match action {
            TrailersAction::Continue => self.release(lane, at),
            TrailersAction::StopIteration => self.pause(lane, at, Stop::One),
        }
    }

    /// All that is held stays where the filter sees it, and grows.
    fn keep_in_view(&self, lane: &mut Lane, at: usize, port: &LanePort) {
        let stage = lane.stage(at);
        let mut total = stage.held.take();
        let mut view = port.body.borrow_mut();
        total.append(view.take());
        let too_much = total.len() > self.buffer_limit;
        *view = total;
        drop(view);
        stage.buffering = true;
        stage.data_held = true;
        self.pause(lane, at, Stop::One);
        if too_much {
            self.overflow(lane);
        }
    }

    /// The chunk is held, but the filter is shown only what comes next.
    fn keep_out_of_view(&self, lane: &mut Lane, at: usize, port: &LanePort) {
        let stage = lane.stage(at);
        stage.held.append(port.body.borrow_mut().take());
        stage.buffering = false;
        stage.data_held = true;
        self.pause(lane, at, Stop::One);
    }

    /// The filter keeps the chunk for itself. What it had asked to buffer before stays.
    fn drop_chunk(&self, lane: &mut Lane, at: usize, port: &LanePort) {
        let stage = lane.stage(at);
        let seen = port.body.borrow_mut().take();
        if std::mem::take(&mut stage.buffering) {
            stage.held.append(seen);
        }
        self.pause(lane, at, Stop::One);
    }

    fn pause(&self, lane: &mut Lane, at: usize, stop: Stop) {
        lane.stage(at).stop = stop;
        if let Some(port) = self.port(lane.direction, at) {
            port.paused.set(true);
            port.resume.set(false);
        }
    }

    fn resume(&self, lane: &mut Lane, at: usize) {
        match lane.stage(at).stop {
            Stop::None => {}
            Stop::One => self.release(lane, at),
            Stop::All { .. } => self.resume_from_all(lane, at),
        }
    }

    /// Headers go to the next filter; what came after them has yet to be seen by this one.
    fn resume_from_all(&self, lane: &mut Lane, at: usize) {
        let stage = std::mem::take(lane.stage(at));
        self.set_flowing(lane.direction, at);
        let trailers = stage.trailers == Trailers::Waiting;
        let end_of_stream = stage.end_seen && !trailers;
        let headers = Frame::Headers {
            end_of_stream: end_of_stream && !stage.data_held,
        };
        self.deliver(lane, at + 1, headers);
        if stage.data_held && !lane.closed {
            // As bytes that it had buffered: even if the filter wants none of them they stay.
            lane.stage(at).buffering = true;
            self.data(lane, at, stage.held, end_of_stream);
        }
        if trailers {
            self.deliver(lane, at, Frame::Trailers);
        }
    }

    /// Lets go of everything this filter holds and has seen.
    fn release(&self, lane: &mut Lane, at: usize) {
        let stage = std::mem::take(lane.stage(at));
        let mut body = stage.held;
        if let Some(port) = self.port(lane.direction, at) {
            body.append(port.body.borrow_mut().take());
        }
        self.set_flowing(lane.direction, at);
        let trailers = stage.trailers == Trailers::Seen;
        let end_of_stream = stage.end_seen && !trailers;
        if stage.headers_held {
            let headers = Frame::Headers {
                end_of_stream: end_of_stream && !stage.data_held,
            };
            self.deliver(lane, at + 1, headers);
        }
        // An end whose bytes the filter dropped must still be told, or the message never ends.
        let end_is_due = end_of_stream && (stage.data_held || !stage.headers_held);
        if !body.is_empty() || end_is_due {
            self.deliver(
                lane,
                at + 1,
                Frame::Data {
                    body,
                    end_of_stream,
                },
            );
        }
        if trailers {
            self.deliver(lane, at + 1, Frame::Trailers);
        }
    }

    fn set_flowing(&self, direction: Direction, at: usize) {
        if let Some(port) = self.port(direction, at) {
            port.paused.set(false);
        }
    }

    fn has_trailers(&self, direction: Direction) -> bool {
        self.state.trailers(direction).borrow().is_some()
    }

    /// Ends the direction when the filter just called wants to answer or reset.
    fn interrupted(&self, lane: &mut Lane) -> bool {
        if self.state.is_interrupted() {
            lane.close();
        }
        lane.closed
    }

    fn overflow(&self, lane: &mut Lane) {
        let reply = match lane.direction {
            Direction::Request => StreamError::RequestTooLarge,
            Direction::Response => StreamError::ResponseTooLarge,
        };
        self.state.send_local_reply(reply.to_local_reply());
        lane.close();
    }
}
