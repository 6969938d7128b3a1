//! Stream: runs a filter's handlers for one HTTP stream, one at a time and in order.

mod bodies;
pub(super) mod handlers;
pub(super) mod slot;

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use tollgate_abi::{BufferType, StreamType};

use self::bodies::announce;
use self::slot::Slot;
use super::kind::Http;
use super::reading;
use super::root::{Readiness, Root, not_configured};
use super::{Event, HostContext, Place, wake};
use crate::chunk::Chunk;
use crate::exchange::Phase;
use crate::filter::{Hook, HttpFilter};
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
pub(super) const CONTINUE: u32 = 0;
pub(super) const STOP_ALL_ITERATION_AND_WATERMARK: u32 = 4;
const STOP_ITERATION_AND_BUFFER: u32 = 1;
const STOP_ITERATION: u32 = 1;
const STOP_ITERATION_NO_BUFFER: u32 = 3;
/// A part of a body is held, and no more is taken from the peer than the host's buffer limit.
const STOP_ITERATION_AND_WATERMARK: u32 = 2;

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
    /// Body handlers whose body has begun and, unless they read it in chunks, not ended.
    bodies: Cell<Steps>,
    /// Directions that the host holds because of a handler.
    held: Cell<Steps>,
    /// Body handlers for which the headers before the body are held.
    holding: Cell<Steps>,
    /// Whether no handler may run any more: what it would await would keep the stream.
    is_over: Cell<bool>,
}

impl<F: HttpFilter> Stream<F> {
    /// Whether a handler reads the request's body in chunks, or the response's.
    const READS_REQUEST: bool =
        F::REQUEST_BODY.chunks && !matches!(F::HOOKS.request_body, Hook::Absent);
    const READS_RESPONSE: bool =
        F::RESPONSE_BODY.chunks && !matches!(F::HOOKS.response_body, Hook::Absent);
    const READS: bool = Self::READS_REQUEST || Self::READS_RESPONSE;

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
        self.answer(direction, stop)
    }

    /// Says whether a direction may go on, after handlers have run.
    fn answer(&self, direction: Steps, stop: u32) -> u32 {
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

    /// Whether handlers of a direction need it to be held. One that awaits a part of its body needs
    /// the body to come.
    fn is_busy(&self, direction: Steps) -> bool {
        let queue = self.queue.get() & direction;
        let step = self.step.get() & direction;
        let reads = Self::READS && step & (REQUEST_BODY | RESPONSE_BODY) != 0;
        queue != 0 || step != 0 && !(reads && reading::is_awaited(self.id))
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
                    return self.reject(&not_configured());
                }
            }
            let step = queue & queue.wrapping_neg();
            self.queue.set(queue & !step);
            self.step.set(step);
            match self.run(step) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) => self.finish(),
                Poll::Ready(Err(reject)) => return self.reject(&reject),
            }
        }
    }

    /// Notes that the handler has ended.
    fn finish(&self) {
        let step = self.step.replace(0);
        if Self::READS && step & (REQUEST_BODY | RESPONSE_BODY) != 0 {
            reading::forget(self.id);
        }
    }

    /// Answers the client; nothing that was queued matters any more.
    fn reject(&self, reject: &Reject) -> bool {
        self.finish();
        self.queue.set(0);
        self.held.set(0);
        // A host that cannot even answer has nothing else to offer.
        let _sent = reject.send();
        true
    }

    /// A response to a request whose handler still waits: another filter or the upstream answered
    /// early, so what the handler would decide no longer matters.
    fn abandon_request(&self) {
        self.queue.set(self.queue.get() & !REQUEST);
        let waits = F::HOOKS.can_wait() && self.slot.is_suspended();
        if self.step.get() & REQUEST == 0 || !waits {
            return;
        }
        let step = self.step.get();
        self.finish();
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
                let action = if F::HOOKS.holds_request() || Self::READS_REQUEST {
                    self.begin(REQUEST_HEADERS, STOP_ALL_ITERATION_AND_WATERMARK)
                } else {
                    CONTINUE
                };
                self.hold(REQUEST_BODY, F::HOOKS.request_body, F::REQUEST_BODY, action)
            }
            Event::RequestBody(part) if Self::READS_REQUEST => self.read(REQUEST_BODY, part),
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
                let holds = F::HOOKS.holds_response() || Self::READS_RESPONSE;
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
            Event::ResponseBody(part) if Self::READS_RESPONSE => self.read(RESPONSE_BODY, part),
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

    /// Goes on with the handler that waits, and lets pass what is no longer held.
    fn resume(self: &Rc<Self>) {
        if !self.go_on() {
            self.release(REQUEST);
            self.release(RESPONSE);
        }
    }

    /// Goes on with the handler that waits, and with those behind it; whether one rejected.
    fn go_on(self: &Rc<Self>) -> bool {
        // Without handlers that wait, only the plugin's start can have held this stream.
        if F::HOOKS.can_wait() {
            match self.slot.resume(self.place()) {
                Some(Poll::Ready(Ok(()))) => self.finish(),
                Some(Poll::Ready(Err(reject))) => return self.reject(&reject),
                None if self.is_idle() => {}
                Some(Poll::Pending) | None => return false,
            }
        }
        self.drive()
    }

    /// Drops the handler that waits, and those behind it: the stream is over.
    fn abandon(&self) {
        self.is_over.set(true);
        self.queue.set(0);
        if F::HOOKS.can_wait() {
            self.slot.abandon();
        }
        if Self::READS {
            reading::forget(self.id);
        }
    }
}

impl<F: HttpFilter> HostContext for Stream<F> {
    fn on(self: Rc<Self>, _id: u32, event: Event) -> u32 {
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
            // Where handlers cannot wait nothing is left of them, and the table no longer leads here.
            Event::Delete if F::HOOKS.can_wait() || Self::READS => self.abandon(),
            _ => {}
        }
        CONTINUE
    }

    fn create_stream(self: Rc<Self>, _id: u32) {}
}
