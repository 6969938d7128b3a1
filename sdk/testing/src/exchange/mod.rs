//! Exchange: takes one request through a filter, as Envoy's filter chain does.
//!
//! It is a state machine: what is sent waits in a [`Lane`] until the filter may see it, and
//! [`pump`](Exchange::pump) does all that can be done now. So any number of exchanges may be under
//! way, and what the filter does to one in another's callback is found by pumping all.

mod lane;
mod replies;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tollgate_runtime::{Direction, HttpHost};

pub(crate) use lane::{Lane, Part};

use crate::engine::{Engine, Fault};
use crate::host::TestHost;
use crate::model::{Stream, Table};
use crate::outcome::{End, Outcome, Received};
use crate::upstream::{Message, UpstreamRequest, named};

/// Who answers a request that the filter has let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// The test, step by step.
    Test,
    /// The origin, once the whole request is there.
    Origin,
    /// It has been asked, or has begun to answer.
    Asked,
}

/// One request on its way.
pub(crate) struct Exchange {
    pub(crate) number: u64,
    pub(crate) worker: usize,
    id: u32,
    stream: Rc<Stream>,
    request: RefCell<Lane>,
    response: RefCell<Lane>,
    upstream: Cell<Upstream>,
    outcome: RefCell<Outcome>,
    is_over: Cell<bool>,
    fuel_before: Option<u64>,
}

impl Exchange {
    pub(crate) fn new(host: &TestHost, worker: usize, stream: Stream, upstream: Upstream) -> Self {
        let engine = host.engine(worker);
        let stream = Rc::new(stream);
        let fuel_before = engine.fuel();
        let id = if host.is_access_logger() {
            0
        } else {
            engine.create_stream(Rc::clone(&stream))
        };
        Self {
            number: host.next_number(),
            worker,
            id,
            stream,
            request: RefCell::default(),
            response: RefCell::default(),
            upstream: Cell::new(upstream),
            outcome: RefCell::default(),
            is_over: Cell::new(false),
            fuel_before,
        }
    }

    fn lane(&self, direction: Direction) -> &RefCell<Lane> {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub(crate) fn request(&self) -> std::cell::Ref<'_, Lane> {
        self.request.borrow()
    }

    pub(crate) fn response(&self) -> std::cell::Ref<'_, Lane> {
        self.response.borrow()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.request().is_paused() || self.response().is_paused()
    }

    pub(crate) fn is_forwarded(&self) -> bool {
        self.outcome.borrow().forwarded.is_some()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.borrow().clone()
    }

    pub(crate) fn upstream(&self) -> Upstream {
        self.upstream.get()
    }

    pub(crate) fn set_upstream(&self, upstream: Upstream) {
        self.upstream.set(upstream);
    }

    pub(crate) fn send(&self, direction: Direction, part: Part) {
        self.lane(direction).borrow_mut().push(part);
    }

    /// Does all that can be done now; whether that was anything.
    pub(crate) fn pump(&self, host: &TestHost) -> bool {
        let mut has_moved = false;
        while !self.is_over() && self.step(host) {
            has_moved = true;
        }
        has_moved
    }

    fn step(&self, host: &TestHost) -> bool {
        self.take_effects(host)
            || self.resume(Direction::Request)
            || self.resume(Direction::Response)
            || self.show(host, Direction::Request)
            || self.show(host, Direction::Response)
            || self.forward(host)
            || self.complete(host)
    }

    fn take_effects(&self, host: &TestHost) -> bool {
        let reply = self.stream.local_response.borrow_mut().take();
        if let Some(reply) = reply {
            self.reply(host, reply);
            return true;
        }
        let is_closed = self.stream.is_closed.get();
        if is_closed {
            self.finish(host, End::Reset);
        }
        is_closed
    }

    fn resume(&self, direction: Direction) -> bool {
        let side = self.stream.side(direction);
        side.is_continued.replace(false) && self.lane(direction).borrow_mut().resume(side)
    }

    /// Shows the filter what comes next in a direction.
    fn show(&self, host: &TestHost, direction: Direction) -> bool {
        let Some(part) = self.lane(direction).borrow_mut().next() else {
            return false;
        };
        let engine = host.engine(self.worker);
        let shown = if host.is_access_logger() {
            self.pass(direction, part);
            Ok(())
        } else {
            self.deliver(engine.as_ref(), direction, part)
        };
        if let Err(fault) = shown {
            self.finish(host, End::Crashed(fault));
        }
        true
    }

    fn deliver(&self, engine: &dyn Engine, direction: Direction, part: Part) -> Result<(), Fault> {
        let side = self.stream.side(direction);
        let ends = self.hold(direction, part);
        // Nothing may be borrowed while the filter runs.
        match ends {
            Shown::Headers { ends } => {
                let action = engine.on_headers(self.id, direction, ends)?;
                self.lane(direction).borrow_mut().on_headers(action, side);
            }
            Shown::Body { ends } => {
                let action = engine.on_body(self.id, direction, ends)?;
                self.lane(direction).borrow_mut().on_body(action, side);
            }
            Shown::Trailers => {
                let action = engine.on_trailers(self.id, direction)?;
                self.lane(direction).borrow_mut().on_trailers(action, side);
            }
        }
        Ok(())
    }

    /// Puts a part where the filter sees it.
    fn hold(&self, direction: Direction, part: Part) -> Shown {
        let side = self.stream.side(direction);
        match part {
            Part::Headers { entries, ends } => {
                *side.headers.borrow_mut() = Some(match direction {
                    Direction::Request => Table::request(entries),
                    Direction::Response => Table::response(entries),
                });
                Shown::Headers { ends }
            }
            Part::Body { bytes, ends } => {
                side.body.borrow_mut().extend(bytes);
                Shown::Body { ends }
            }
            Part::Trailers(entries) => {
                *side.trailers.borrow_mut() = Some(Table::response(entries));
                Shown::Trailers
            }
        }
    }

    /// Lets a part pass a plugin that only logs.
    fn pass(&self, direction: Direction, part: Part) {
        let side = self.stream.side(direction);
        self.hold(direction, part);
        let mut lane = self.lane(direction).borrow_mut();
        lane.on_body(tollgate_abi::DataAction::Continue, side);
    }

    /// Takes a request that has passed to the upstream.
    fn forward(&self, host: &TestHost) -> bool {
        if !self.request().has_ended() || self.request().is_abandoned() {
            return false;
        }
        if !self.is_forwarded() {
            let request = self.forwarded();
            self.outcome.borrow_mut().forwarded = Some(request);
        }
        if self.upstream() != Upstream::Origin {
            return false;
        }
        self.set_upstream(Upstream::Asked);
        host.ask_origin(self, &self.forwarded());
        true
    }

    fn forwarded(&self) -> UpstreamRequest {
        let request = self.request();
        let Message {
            headers,
            body,
            trailers,
        } = request.passed();
        UpstreamRequest {
            headers: named(headers),
            body: body.clone(),
            trailers: named(trailers),
        }
    }

    fn complete(&self, host: &TestHost) -> bool {
        let has_ended = self.response().has_ended();
        if has_ended {
            let received = received(self.response().passed());
            self.outcome.borrow_mut().response = Some(received);
            self.finish(host, End::Answered);
        }
        has_ended
    }

    /// Ends the stream, unless it has ended.
    pub(crate) fn finish(&self, host: &TestHost, end: End) {
        if self.is_over.replace(true) {
            return;
        }
        let engine = host.engine(self.worker);
        let ended = if host.is_access_logger() {
            engine.log_stream(Rc::clone(&self.stream))
        } else {
            engine.end_stream(self.id)
        };
        let mut outcome = self.outcome.borrow_mut();
        outcome.end = match (end, ended) {
            (End::Crashed(first), _) => End::Crashed(first),
            (_, Err(fault)) => End::Crashed(fault),
            (end, Ok(())) => end,
        };
        outcome.fuel = engine
            .fuel()
            .and_then(|after| after.checked_sub(self.fuel_before?));
        outcome.filter_state = self.stream.filter_state.clone();
        host.note_end(&outcome.end);
    }

    /// Whether the stream's own map exists and holds this value.
    fn request_header(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        self.stream
            .map_value(
                tollgate_runtime::StreamMap::RequestHeaders,
                name,
                &mut value,
            )
            .then_some(value)
    }
}

/// What the filter is about to see.
enum Shown {
    Headers { ends: bool },
    Body { ends: bool },
    Trailers,
}

fn received(message: &Message) -> Received {
    Received {
        headers: named(&message.headers),
        body: message.body.clone(),
        trailers: named(&message.trailers),
    }
}
