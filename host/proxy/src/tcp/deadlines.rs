//! Deadlines: how long a connection may be idle, and how long it may live.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::generation::WorkerStreams;
use crate::network::{ConnectionState, End};
use crate::timeouts::Expiring;

/// The timeouts of one connection. Time is an argument.
#[derive(Debug)]
pub(super) struct Deadlines {
    state: Rc<ConnectionState>,
    start: Instant,
    last_activity: Cell<Instant>,
    idle_timeout: Cell<Option<Duration>>,
    max_duration: Option<Duration>,
    /// Those of the connection's generation, which ends when its time is up.
    streams: Rc<WorkerStreams>,
}

impl Deadlines {
    pub(super) fn new(
        config: &tollgate_config::TcpProxy,
        state: &Rc<ConnectionState>,
        streams: &Rc<WorkerStreams>,
        now: Instant,
    ) -> Rc<Self> {
        Rc::new(Self {
            state: Rc::clone(state),
            start: now,
            last_activity: Cell::new(now),
            idle_timeout: Cell::new(config.idle_timeout),
            max_duration: config.max_downstream_connection_duration,
            streams: Rc::clone(streams),
        })
    }

    /// Filters have chosen an idle timeout for this connection.
    pub(super) fn set_idle_timeout(&self, timeout: Duration) {
        self.idle_timeout.set(Some(timeout));
        self.touch();
    }

    /// Bytes were received or sent.
    pub(super) fn touch(&self) {
        // Without a timeout nobody asks, and the clock need not be read.
        if self.idle_timeout.get().is_some() {
            self.last_activity.set(Instant::now());
        }
    }
}

impl Expiring for Deadlines {
    fn check(&self, now: Instant) {
        let passed = |since: Instant, timeout: Option<Duration>| {
            timeout.is_some_and(|timeout| now.saturating_duration_since(since) >= timeout)
        };
        if self.streams.are_expired() {
            self.state.close(End::Expired);
        } else if passed(self.start, self.max_duration) {
            self.state.close(End::MaxDuration);
        } else if passed(self.last_activity.get(), self.idle_timeout.get()) {
            self.state.close(End::Idle);
        }
    }
}
