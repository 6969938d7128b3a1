//! `StreamState`: what the filters of a stream see and change, and how they ask to go on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use super::buffer::BodyBuffer;
use super::filter_state::FilterState;
use super::header_table::HeaderTable;
use super::info::{ConnectionInfo, StreamInfo};
use super::{Direction, LocalReply};
use crate::route::{RouteTable, SelectedRoute};

/// One stream, shared by its filters, its chain and whoever drives the chain.
pub(crate) struct StreamState {
    /// Request headers.
    pub(crate) request_headers: RefCell<HeaderTable>,
    /// Request trailers, once there are any, which is rare.
    pub(crate) request_trailers: RefCell<Option<Box<HeaderTable>>>,
    /// Response headers, once there are any.
    pub(crate) response_headers: RefCell<Option<HeaderTable>>,
    /// Response trailers, once there are any.
    pub(crate) response_trailers: RefCell<Option<Box<HeaderTable>>>,
    /// Facts for access logs and properties. Apart, as the allocator is slow beyond a kilobyte.
    pub(crate) info: Box<StreamInfo>,
    /// The downstream connection.
    pub(crate) connection: Rc<ConnectionInfo>,
    /// The selected route.
    pub(crate) route: RouteCache,
    /// Objects that filters share by name.
    pub(crate) filter_state: FilterState,
    signals: Signals,
}

/// What filters ask of whoever drives the chain.
#[derive(Default)]
struct Signals {
    local_reply: RefCell<Option<LocalReply>>,
    reset: Cell<bool>,
    resume_asked: Cell<bool>,
    response_started: Cell<bool>,
    response_sent: Cell<bool>,
    complete: Cell<bool>,
    request_waker: Cell<Option<Waker>>,
    response_waker: Cell<Option<Waker>>,
}

/// Where a filter meets the chain: the body it may see, and its wish to go on.
#[derive(Debug, Default)]
pub(crate) struct FilterPort {
    /// The request side.
    pub(crate) request: LanePort,
    /// The response side.
    pub(crate) response: LanePort,
}

/// One direction of a [`FilterPort`].
#[derive(Debug, Default)]
pub(crate) struct LanePort {
    /// During a body callback the chunk, or all that is held for this filter; while paused with
    /// `StopIterationAndBuffer` all that is held; else empty.
    pub(crate) body: RefCell<BodyBuffer>,
    /// The filter has stopped this direction.
    pub(super) paused: Cell<bool>,
    pub(super) resume: Cell<bool>,
}

impl LanePort {
    /// Returns whether the filter has stopped this direction.
    #[must_use]
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.get()
    }
}

impl FilterPort {
    /// Returns one direction.
    #[must_use]
    pub(crate) fn lane(&self, direction: Direction) -> &LanePort {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

impl StreamState {
    /// Returns the state of a stream whose request headers have arrived.
    #[must_use]
    pub(crate) fn new(
        request_headers: HeaderTable,
        info: StreamInfo,
        connection: Rc<ConnectionInfo>,
        route: RouteCache,
    ) -> Rc<Self> {
        Rc::new(Self {
            request_headers: RefCell::new(request_headers),
            request_trailers: RefCell::new(None),
            response_headers: RefCell::new(None),
            response_trailers: RefCell::new(None),
            info: Box::new(info),
            route,
            filter_state: FilterState::on(&connection.state),
            connection,
            signals: Signals::default(),
        })
    }

    /// Returns the route, selecting it again if it was cleared.
    #[must_use]
    pub(crate) fn selected_route(&self) -> Option<Rc<SelectedRoute>> {
        self.route.get(&self.request_headers.borrow())
    }

    /// Returns the route that was selected last. Attributes tell this one, as Envoy's do: a guest
    /// that has just changed the path still sees the route it came by.
    #[must_use]
    pub(crate) fn last_route(&self) -> Option<Rc<SelectedRoute>> {
        self.route.last(&self.request_headers.borrow())
    }

    /// Asks to go on in a direction in which the filter of this port has paused. A direction that
    /// is not paused stays as it is.
    pub(crate) fn resume(&self, port: &FilterPort, direction: Direction) {
        let lane = port.lane(direction);
        if lane.paused.get() {
            lane.resume.set(true);
            self.signals.resume_asked.set(true);
            self.wake(direction);
        }
    }

    /// Asks to answer the client. The first reply that waits wins; once the response's headers are
    /// sent there is nothing left but a reset.
    pub(crate) fn send_local_reply(&self, reply: LocalReply) {
        if self.signals.complete.get() {
            return;
        }
        if self.signals.response_sent.get() {
            // What the log says of it is the same.
            *self.info.response_code_details.borrow_mut() = Some(reply.details);
            let flags = self.info.response_flags.get() | reply.flags;
            self.info.response_flags.set(flags);
            self.reset();
            return;
        }
        let mut slot = self.signals.local_reply.borrow_mut();
        if slot.is_none() {
            *slot = Some(reply);
        }
        drop(slot);
        self.wake_both();
    }

    /// Asks to reset the stream.
    pub(crate) fn reset(&self) {
        if !self.signals.complete.get() {
            self.signals.reset.set(true);
            self.wake_both();
        }
    }

    /// Returns whether the upstream's response, or a local reply, has entered the filters.
    #[must_use]
    pub(crate) fn response_started(&self) -> bool {
        self.signals.response_started.get()
    }

    /// Returns whether the response's headers have left the filters.
    #[must_use]
    pub(crate) fn response_sent(&self) -> bool {
        self.signals.response_sent.get()
    }

    /// Notes that response headers went to the client past the filters.
    pub(crate) fn set_response_sent(&self) {
        self.signals.response_started.set(true);
        self.signals.response_sent.set(true);
    }

    /// Returns whether a local reply or a reset waits to be taken.
    #[must_use]
    pub(crate) fn is_interrupted(&self) -> bool {
        self.signals.reset.get() || self.signals.local_reply.borrow().is_some()
    }

    pub(super) fn set_response_started(&self) {
        self.signals.response_started.set(true);
    }

    pub(super) fn take_resume_asked(&self) -> bool {
        self.signals.resume_asked.replace(false)
    }

    pub(super) fn take_local_reply(&self) -> Option<LocalReply> {
        self.signals.local_reply.borrow_mut().take()
    }

    pub(super) fn take_reset(&self) -> bool {
        self.signals.reset.replace(false)
    }

    /// Ends the stream; `false` when it has ended before.
    pub(super) fn set_complete(&self) -> bool {
        !self.signals.complete.replace(true)
    }

    pub(super) fn set_waker(&self, direction: Direction, waker: &Waker) {
        let cell = self.waker(direction);
        let old = cell.take().filter(|old| old.will_wake(waker));
        cell.set(Some(old.unwrap_or_else(|| waker.clone())));
    }

    fn waker(&self, direction: Direction) -> &Cell<Option<Waker>> {
        match direction {
            Direction::Request => &self.signals.request_waker,
            Direction::Response => &self.signals.response_waker,
        }
    }

    fn wake(&self, direction: Direction) {
        if let Some(waker) = self.waker(direction).take() {
            waker.wake();
        }
    }

    fn wake_both(&self) {
        self.wake(Direction::Request);
        self.wake(Direction::Response);
    }

    /// Returns the trailers of a direction.
    #[must_use]
    pub(crate) fn trailers(&self, direction: Direction) -> &RefCell<Option<Box<HeaderTable>>> {
        match direction {
            Direction::Request => &self.request_trailers,
            Direction::Response => &self.response_trailers,
        }
    }
}

impl fmt::Debug for StreamState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamState")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// The route of a stream, selected when first asked for and again after it was cleared.
pub(crate) struct RouteCache {
    table: Option<Rc<RouteTable>>,
    random: u64,
    selected: RefCell<Option<Option<Rc<SelectedRoute>>>>,
    /// The headers have changed since.
    stale: Cell<bool>,
    frozen: Cell<bool>,
}

impl RouteCache {
    /// Returns a cache over the routes of a connection manager. `random` decides between weighted
    /// clusters, the same way each time the stream selects.
    #[must_use]
    pub(crate) fn new(table: Rc<RouteTable>, random: u64) -> Self {
        Self {
            table: Some(table),
            random,
            selected: RefCell::new(None),
            stale: Cell::new(false),
            frozen: Cell::new(false),
        }
    }

    /// Returns a cache that finds no route.
    pub(crate) fn without_routes() -> Self {
        Self {
            table: None,
            random: 0,
            selected: RefCell::new(None),
            stale: Cell::new(false),
            frozen: Cell::new(false),
        }
    }

    /// Returns the route for these headers, or the one selected before.
    #[must_use]
    pub(crate) fn get(&self, headers: &HeaderTable) -> Option<Rc<SelectedRoute>> {
        let mut selected = self.selected.borrow_mut();
        if self.stale.replace(false) {
            *selected = None;
        }
        let select = || self.table.as_ref()?.select(headers, self.random);
        selected.get_or_insert_with(select).clone()
    }

    /// Returns the route selected last, although the headers may have changed since.
    #[must_use]
    pub(crate) fn last(&self, headers: &HeaderTable) -> Option<Rc<SelectedRoute>> {
        let last = self.selected.borrow().clone();
        last.unwrap_or_else(|| self.get(headers))
    }

    /// Returns the route if it is selected at present.
    #[must_use]
    pub(crate) fn cached(&self) -> Option<Rc<SelectedRoute>> {
        self.selected.borrow().as_ref()?.clone()
    }

    /// Has the route selected again when it is needed, unless the router has used it.
    pub(crate) fn clear(&self) {
        if !self.frozen.get() {
            self.stale.set(true);
        }
    }

    /// Has the route selected again if it may depend on this header, which has changed.
    pub(crate) fn header_changed(&self, name: &[u8]) {
        if self.table.as_ref().is_some_and(|table| table.reads(name)) {
            self.clear();
        }
    }

    /// Keeps the route from now on: the router has used it.
    pub(crate) fn freeze(&self) {
        self.frozen.set(true);
    }
}

impl fmt::Debug for RouteCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteCache")
            .field("frozen", &self.frozen)
            .finish_non_exhaustive()
    }
}
