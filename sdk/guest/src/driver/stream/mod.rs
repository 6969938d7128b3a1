//! Stream: runs a filter's handlers for one HTTP stream, one at a time and in order.

mod handlers;
pub(super) mod slot;

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use tollgate_abi::{BufferType, StreamType};

use self::handlers::ChunkHandler;
use self::slot::Slot;
use super::kind::Http;
use super::root::{Readiness, Root};
use super::{Event, HostContext, Part, Place, wake};
use crate::chunk::Chunk;
use crate::exchange::Phase;
use crate::filter::{BodyAccess, Hook, HttpFilter};
use crate::reject::Reject;
use crate::sys;

/// Handlers as bits, in the order in which they run.
type Steps = u8;

const REQUEST_HEADERS: Steps = 1;
const REQUEST_BODY: Steps = 2;
const REQUEST_TRAILERS: Steps = 4;
const RESPONSE_HEADERS: Steps = 8;
const RESPONSE_BODY: Steps = 16;
const RESPONSE_TRAILERS: Steps = 32;
const REQUEST: Steps = REQUEST_HEADERS | REQUEST_BODY | REQUEST_TRAILERS;
const RESPONSE: Steps = RESPONSE_HEADERS | RESPONSE_BODY | RESPONSE_TRAILERS;

/// Answers to the host. Headers are held with everything behind them; a body is held in a buffer
/// that the handler can read as a whole.
const CONTINUE: u32 = 0;
const STOP_ALL_ITERATION_AND_WATERMARK: u32 = 4;
const STOP_ITERATION_AND_BUFFER: u32 = 1;
const STOP_ITERATION: u32 = 1;
const STOP_ITERATION_NO_BUFFER: u32 = 3;

/// One HTTP stream.
pub(super) struct Stream<F: HttpFilter> {
    id: u32,
    root: Rc<Root<Http<F>>>,
    /// Away while a handler has it.
    state: Cell<Option<F::State>>,
    /// Whether a body follows the headers that came last.
    has_body: Cell<bool>,
    slot: Slot<Result<(), Reject>>,
    /// The handler in the slot, or none.
    step: Cell<Steps>,
    /// Handlers to run after it.
    queue: Cell<Steps>,
    /// Body handlers whose body has begun and not ended.
    bodies: Cell<Steps>,
    /// Directions that the host holds because of a handler.
    held: Cell<Steps>,
    /// Body handlers for which the headers before the body are held.
    holding: Cell<Steps>,
    /// Whether no handler may run any more: what it would await would keep the stream.
    is_over: Cell<bool>,
}

impl<F: HttpFilter> Stream<F> {
    pub(super) fn new(id: u32, root: Rc<Root<Http<F>>>) -> Self {
        Self {
            id,
            root,
            state: Cell::new(Some(F::State::default())),
            has_body: Cell::new(false),
            slot: Slot::new(),
            step: Cell::new(0),
            queue: Cell::new(0),
            bodies: Cell::new(0),
            held: Cell::new(0),
            holding: Cell::new(0),
            is_over: Cell::new(false),
        }
    }

    /// Holds headers until the handler of the body behind them has run, if the filter wants that
    /// and the host can.
    fn hold(&self, body: Steps, hook: Hook, access: BodyAccess, action: u32) -> u32 {
        let can = access.holds_headers && hook != Hook::Absent && self.has_body.get();
        if !can || !super::can_hold_headers(self.root.id()) {
            return action;
        }
        self.holding.set(self.holding.get() | body);
        STOP_ITERATION
    }

    fn place(&self) -> Place {
        Place {
            context: self.id,
            root: self.root.id(),
        }
    }

    /// Runs handlers now if possible; the answer says whether the direction may go on.
    fn begin(self: &Rc<Self>, steps: Steps, stop: u32) -> u32 {
        if self.is_over.get() {
            return CONTINUE;
        }
        self.queue.set(self.queue.get() | steps);
        if self.is_idle() && self.drive() {
            // Already answered by a local response; the number is for hosts that look at it.
            return stop;
        }
        let direction = if steps & REQUEST == 0 {
            RESPONSE
        } else {
            REQUEST
        };
        if self.is_busy(direction) {
            // Others that go on now may make this stream's handler ready: then it was never held.
            wake::settle();
            if self.is_busy(direction) {
                self.held.set(self.held.get() | direction);
                return stop;
            }
        }
        self.held.set(self.held.get() & !direction);
        CONTINUE
    }

    /// Whether no handler runs or waits.
    fn is_idle(&self) -> bool {
        self.step.get() == 0 && (!F::HOOKS.can_wait() || self.slot.is_idle())
    }

    fn is_busy(&self, direction: Steps) -> bool {
        (self.queue.get() | self.step.get()) & direction != 0
    }

    /// Runs queued handlers until one waits; whether one rejected.
    fn drive(self: &Rc<Self>) -> bool {
        loop {
            let queue = self.queue.get();
            if queue == 0 {
                return false;
            }
            match self.root.readiness() {
                Readiness::Ready => {}
                Readiness::Wait => return false,
                Readiness::Pass => {
                    self.queue.set(0);
                    return false;
                }
                Readiness::Deny => {
                    return self.reject(&Reject::new(503).details("filter_not_configured"));
                }
            }
            let step = queue & queue.wrapping_neg();
            self.queue.set(queue & !step);
            self.step.set(step);
            match self.run(step) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.step.set(0),
                Poll::Ready(Err(reject)) => return self.reject(&reject),
            }
        }
    }

    /// Answers the client; nothing that was queued matters any more.
    fn reject(&self, reject: &Reject) -> bool {
        self.step.set(0);
        self.queue.set(0);
        self.held.set(0);
        // A host that cannot even answer has nothing else to offer.
        let _sent = reject.send();
        true
    }

    /// Buffers a body up to its limit and runs the handler when all of it is there.
    fn body(self: &Rc<Self>, step: Steps, part: Part) -> u32 {
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

    /// Shows a part of a body to its handler, which does not wait.
    fn chunk(&self, phase: Phase, mut chunk: Chunk, handler: ChunkHandler<F>) -> u32 {
        match self.run_chunk(phase, &mut chunk, handler) {
            Ok(()) => CONTINUE,
            Err(reject) => {
                self.reject(&reject);
                STOP_ITERATION_NO_BUFFER
            }
        }
    }

    /// Trailers end a body, so its handler runs first.
    fn trailers(self: &Rc<Self>, body: Steps, trailers: Steps, hooks: (Hook, Hook)) -> u32 {
        if hooks == (Hook::Absent, Hook::Absent) {
            return CONTINUE;
        }
        let ended = self.bodies.get() & body;
        self.bodies.set(self.bodies.get() & !body);
        self.holding.set(self.holding.get() & !body);
        let own = if hooks.1 == Hook::Absent { 0 } else { trailers };
        match ended | own {
            0 => CONTINUE,
            steps => self.begin(steps, STOP_ITERATION),
        }
    }

    /// A response to a request whose handler still waits: another filter or the upstream answered
    /// early, so what the handler would decide no longer matters.
    fn abandon_request(&self) {
        self.queue.set(self.queue.get() & !REQUEST);
        let waits = F::HOOKS.can_wait() && self.slot.is_suspended();
        if self.step.get() & REQUEST == 0 || !waits {
            return;
        }
        let step = self.step.replace(0);
        self.slot.abandon();
        // With its headers held the upstream has seen nothing, and the stream is ending; a body
        // that is held must still flow.
        if step != REQUEST_HEADERS {
            self.release(REQUEST);
        }
    }

    /// Lets a direction go on if it is held and no handler needs it any more.
    fn release(&self, direction: Steps) {
        let held = self.held.get();
        if held & direction == 0 || self.is_busy(direction) {
            return;
        }
        self.held.set(held & !direction);
        if self.holding.get() & direction != 0 {
            // The body's handler goes on with the headers.
            return;
        }
        let stream = if direction == REQUEST {
            StreamType::HttpRequest
        } else {
            StreamType::HttpResponse
        };
        // A stream that is gone needs no resuming.
        let _resumed = sys::continue_stream(stream);
    }

    fn on_request(self: &Rc<Self>, event: Event) -> u32 {
        match event {
            Event::RequestHeaders(part) => {
                self.has_body.set(!part.is_last());
                let reads = (F::HOOKS.request_body, F::HOOKS.request_chunk);
                announce(reads, F::REQUEST_BODY, part.is_last(), REQUEST);
                let action = if F::HOOKS.holds_request() {
                    self.begin(REQUEST_HEADERS, STOP_ALL_ITERATION_AND_WATERMARK)
                } else {
                    CONTINUE
                };
                self.hold(REQUEST_BODY, F::HOOKS.request_body, F::REQUEST_BODY, action)
            }
            Event::RequestBody(part) if F::HOOKS.request_body != Hook::Absent => {
                self.body(REQUEST_BODY, part)
            }
            Event::RequestBody(part) if F::HOOKS.request_chunk != Hook::Absent => {
                let chunk = Chunk::new(BufferType::HttpRequestBody, part);
                self.chunk(Phase::Request, chunk, F::request_chunk)
            }
            Event::RequestTrailers => {
                let hooks = (F::HOOKS.request_body, F::HOOKS.request_trailers);
                self.trailers(REQUEST_BODY, REQUEST_TRAILERS, hooks)
            }
            _ => CONTINUE,
        }
    }

    fn on_response(self: &Rc<Self>, event: Event) -> u32 {
        match event {
            Event::ResponseHeaders(part) => {
                let holds = F::HOOKS.holds_response();
                if !holds && F::HOOKS.response_body == Hook::Absent {
                    return CONTINUE;
                }
                self.abandon_request();
                self.has_body.set(!part.is_last());
                let reads = (F::HOOKS.response_body, F::HOOKS.response_chunk);
                announce(reads, F::RESPONSE_BODY, part.is_last(), RESPONSE);
                let action = if holds {
                    self.begin(RESPONSE_HEADERS, STOP_ALL_ITERATION_AND_WATERMARK)
                } else {
                    CONTINUE
                };
                let body = F::HOOKS.response_body;
                self.hold(RESPONSE_BODY, body, F::RESPONSE_BODY, action)
            }
            Event::ResponseBody(part) if F::HOOKS.response_body != Hook::Absent => {
                self.body(RESPONSE_BODY, part)
            }
            Event::ResponseBody(part) if F::HOOKS.response_chunk != Hook::Absent => {
                let chunk = Chunk::new(BufferType::HttpResponseBody, part);
                self.chunk(Phase::Response, chunk, F::response_chunk)
            }
            Event::ResponseTrailers => {
                let hooks = (F::HOOKS.response_body, F::HOOKS.response_trailers);
                self.trailers(RESPONSE_BODY, RESPONSE_TRAILERS, hooks)
            }
            _ => CONTINUE,
        }
    }

    /// Goes on with the handler that waits, and with those behind it.
    fn resume(self: &Rc<Self>) {
        // Without handlers that wait, only the plugin's start can have held this stream.
        if F::HOOKS.can_wait() {
            match self.slot.resume(self.place()) {
                Some(Poll::Ready(Ok(()))) => self.step.set(0),
                Some(Poll::Ready(Err(reject))) => {
                    self.reject(&reject);
                    return;
                }
                None if self.is_idle() => {}
                Some(Poll::Pending) | None => return,
            }
        }
        if !self.drive() {
            self.release(REQUEST);
            self.release(RESPONSE);
        }
    }

    /// Drops the handler that waits, and those behind it: the stream is over.
    fn abandon(&self) {
        self.is_over.set(true);
        self.queue.set(0);
        if F::HOOKS.can_wait() {
            self.slot.abandon();
        }
    }
}

impl<F: HttpFilter> HostContext for Stream<F> {
    fn on(self: Rc<Self>, event: Event) -> u32 {
        match event {
            Event::RequestHeaders(_) | Event::RequestBody(_) | Event::RequestTrailers => {
                return self.on_request(event);
            }
            Event::ResponseHeaders(_) | Event::ResponseBody(_) | Event::ResponseTrailers => {
                return self.on_response(event);
            }
            Event::Resume => self.resume(),
            Event::Log => {
                self.abandon();
                self.run_log();
            }
            Event::Done => return 1,
            // One whose handlers cannot wait has none: the table no longer leads to it.
            Event::Delete if F::HOOKS.can_wait() => self.abandon(),
            _ => {}
        }
        CONTINUE
    }

    fn create_stream(self: Rc<Self>, _id: u32) {}
}

/// Removes the length of a body that a handler may change: it goes out with the headers, before
/// the handler has run.
fn announce(reads: (Hook, Hook), access: BodyAccess, end_of_stream: bool, direction: Steps) {
    if reads == (Hook::Absent, Hook::Absent) || !access.rewrite || end_of_stream {
        return;
    }
    let map = if direction == REQUEST {
        tollgate_abi::MapType::HttpRequestHeaders
    } else {
        tollgate_abi::MapType::HttpResponseHeaders
    };
    if let Err(error) = sys::map_remove(map, b"content-length") {
        error.warn();
    }
}
