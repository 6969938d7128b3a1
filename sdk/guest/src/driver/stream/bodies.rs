//! Bodies of a stream: collected for a handler, read by it part by part, or shown as they pass.

use std::rc::Rc;

use tollgate_abi::{BufferType, MapType};

use super::handlers::ChunkHandler;
use super::{
    CONTINUE, REQUEST, REQUEST_BODY, RESPONSE, STOP_ITERATION, STOP_ITERATION_AND_BUFFER,
    STOP_ITERATION_AND_WATERMARK, STOP_ITERATION_NO_BUFFER, Steps, Stream,
};
use crate::chunk::Chunk;
use crate::driver::reading::{self, Arrival};
use crate::driver::{Part, can_hold_headers};
use crate::exchange::Phase;
use crate::filter::{BodyAccess, Hook, HttpFilter};
use crate::reject::Reject;
use crate::sys;

impl<F: HttpFilter> Stream<F> {
    /// Holds headers until the handler of the body behind them has run, if the filter wants that
    /// and the host can.
    pub(super) fn hold(&self, body: Steps, hook: Hook, access: BodyAccess, action: u32) -> u32 {
        let can =
            access.holds_headers && !access.chunks && hook != Hook::Absent && self.has_body.get();
        if !can || !can_hold_headers(self.root.id()) {
            return action;
        }
        self.holding.set(self.holding.get() | body);
        STOP_ITERATION
    }

    /// Buffers a body up to its limit and runs the handler when all of it is there.
    pub(super) fn body(self: &Rc<Self>, step: Steps, part: Part) -> u32 {
        let access = if step == REQUEST_BODY {
            F::REQUEST_BODY
        } else {
            F::RESPONSE_BODY
        };
        if part.size() > access.limit {
            self.bodies.set(self.bodies.get() & !step);
            let reject = if step == REQUEST_BODY {
                Reject::new(413)
            } else {
                Reject::new(502)
            };
            self.reject(&reject.details("filter_body_limit"));
            return STOP_ITERATION_AND_BUFFER;
        }
        if !part.is_last() {
            self.bodies.set(self.bodies.get() | step);
            return STOP_ITERATION_AND_BUFFER;
        }
        self.bodies.set(self.bodies.get() & !step);
        self.holding.set(self.holding.get() & !step);
        self.begin(step, STOP_ITERATION_AND_BUFFER)
    }

    /// Hands a part of a body to the handler that reads it.
    pub(super) fn read(self: &Rc<Self>, step: Steps, part: Part) -> u32 {
        let buffer = buffer_of(step);
        let is_first = self.bodies.get() & step == 0;
        if is_first && !self.is_over.get() {
            self.bodies.set(self.bodies.get() | step);
            reading::begin(self.id, buffer);
        }
        let arrival = reading::arrive(self.id, buffer, part);
        let answer = match arrival {
            Arrival::Unread => CONTINUE,
            _ if is_first => self.begin(step, STOP_ITERATION_AND_WATERMARK),
            _ => self.read_on(arrival, step, STOP_ITERATION_AND_WATERMARK),
        };
        reading::hide(self.id);
        answer
    }

    /// Goes on with the handler that reads a body, if it has waited for what came.
    pub(super) fn read_on(self: &Rc<Self>, arrival: Arrival, step: Steps, stop: u32) -> u32 {
        if arrival == Arrival::Awaited && self.go_on() {
            return stop;
        }
        let direction = if step & REQUEST == 0 {
            RESPONSE
        } else {
            REQUEST
        };
        self.answer(direction, stop)
    }

    /// Shows a part of a body to its handler, which does not wait.
    pub(super) fn chunk(&self, phase: Phase, mut chunk: Chunk, handler: ChunkHandler<F>) -> u32 {
        match self.run_chunk(phase, &mut chunk, handler) {
            Ok(()) => CONTINUE,
            Err(reject) => {
                self.reject(&reject);
                STOP_ITERATION_NO_BUFFER
            }
        }
    }

    /// Trailers end a body, so its handler runs first.
    pub(super) fn trailers(
        self: &Rc<Self>,
        body: Steps,
        trailers: Steps,
        hooks: (Hook, Hook),
    ) -> u32 {
        if hooks == (Hook::Absent, Hook::Absent) {
            return CONTINUE;
        }
        let own = if hooks.1 == Hook::Absent { 0 } else { trailers };
        let is_read = if body == REQUEST_BODY {
            Self::READS_REQUEST
        } else {
            Self::READS_RESPONSE
        };
        if is_read {
            let arrival = reading::end(self.id, buffer_of(body));
            let answer = self.read_on(arrival, body, STOP_ITERATION);
            return if own == 0 {
                answer
            } else {
                self.begin(own, STOP_ITERATION)
            };
        }
        let ended = self.bodies.get() & body;
        self.bodies.set(self.bodies.get() & !body);
        self.holding.set(self.holding.get() & !body);
        match ended | own {
            0 => CONTINUE,
            steps => self.begin(steps, STOP_ITERATION),
        }
    }
}

/// Where the host shows the body of a handler.
const fn buffer_of(step: Steps) -> BufferType {
    if step == REQUEST_BODY {
        BufferType::HttpRequestBody
    } else {
        BufferType::HttpResponseBody
    }
}

/// Removes the length of a body that a handler may change: it goes out with the headers, before
/// the handler has run.
pub(super) fn announce(
    reads: (Hook, Hook),
    access: BodyAccess,
    end_of_stream: bool,
    direction: Steps,
) {
    if reads == (Hook::Absent, Hook::Absent) || !access.rewrite || end_of_stream {
        return;
    }
    let map = if direction == REQUEST {
        MapType::HttpRequestHeaders
    } else {
        MapType::HttpResponseHeaders
    };
    if let Err(error) = sys::map_remove(map, b"content-length") {
        error.warn();
    }
}
