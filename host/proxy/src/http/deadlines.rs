//! Deadlines: the timeouts of one stream. Pure: time is an argument.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tollgate_config::HttpConnectionManager;

use super::local_response::StreamError;
use crate::listener::PartialHead;

/// Returns the timeout that a head which has not ended has passed.
pub(super) fn late_head(
    config: &HttpConnectionManager,
    head: PartialHead,
    now: Instant,
) -> Option<StreamError> {
    let request_complete = false;
    if over(head.since, config.request_headers_timeout, now) {
        return Some(StreamError::RequestHeadersTimeout);
    }
    if over(head.since, config.request_timeout, now) {
        return Some(StreamError::RequestTimeout { request_complete });
    }
    let is_idle = over(head.grown, config.stream_idle_timeout, now);
    is_idle.then_some(StreamError::StreamIdle { request_complete })
}

fn over(since: Instant, limit: Option<Duration>, now: Instant) -> bool {
    limit.is_some_and(|limit| now.saturating_duration_since(since) >= limit)
}

/// The timeouts of one stream and what they are measured from.
#[derive(Debug)]
pub(super) struct Deadlines {
    start: Instant,
    last_activity: Cell<Instant>,
    idle_timeout: Cell<Option<Duration>>,
    request_timeout: Option<Duration>,
    route_timeout: Cell<Option<Duration>>,
    route_start: Cell<Option<Instant>>,
}

impl Deadlines {
    pub(super) fn new(
        start: Instant,
        idle_timeout: Option<Duration>,
        request_timeout: Option<Duration>,
    ) -> Self {
        Self {
            start,
            last_activity: Cell::new(start),
            idle_timeout: Cell::new(idle_timeout),
            request_timeout,
            route_timeout: Cell::new(None),
            route_start: Cell::new(None),
        }
    }

    /// Something was received or sent.
    pub(super) fn touch(&self, now: Instant) {
        self.last_activity.set(now);
    }

    /// Returns when something was received or sent last.
    pub(super) fn last_activity(&self) -> Instant {
        self.last_activity.get()
    }

    /// The route has an idle timeout of its own.
    pub(super) fn set_idle_timeout(&self, timeout: Option<Duration>) {
        self.idle_timeout.set(timeout);
    }

    /// The route's timeout is known; it counts from the end of the request.
    pub(super) fn start_route_timeout(&self, timeout: Option<Duration>) {
        self.route_timeout.set(timeout);
    }

    /// The request has been received completely.
    pub(super) fn request_complete(&self, now: Instant) {
        if self.route_start.get().is_none() {
            self.route_start.set(Some(now));
        }
    }

    /// The stream has become a tunnel: only idleness ends it.
    pub(super) fn upgraded(&self) {
        self.route_timeout.set(None);
    }

    /// Returns the timeout that has passed, once.
    pub(super) fn passed(&self, now: Instant, request_complete: bool) -> Option<StreamError> {
        let over = |since, limit| over(since, limit, now);
        if self
            .route_start
            .get()
            .is_some_and(|start| over(start, self.route_timeout.get()))
        {
            self.route_timeout.set(None);
            return Some(StreamError::UpstreamTimeout);
        }
        if !request_complete && over(self.start, self.request_timeout) {
            return Some(StreamError::RequestTimeout { request_complete });
        }
        if over(self.last_activity.get(), self.idle_timeout.get()) {
            self.idle_timeout.set(None);
            return Some(StreamError::StreamIdle { request_complete });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Deadlines, StreamError};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_route_timeout_counts_from_the_end_of_the_request() {
        let start = Instant::now();
        let deadlines = Deadlines::new(start, None, None);
        deadlines.start_route_timeout(Some(SECOND));
        assert_eq!(deadlines.passed(start + SECOND * 9, false), None);
        deadlines.request_complete(start + SECOND * 9);
        assert_eq!(deadlines.passed(start + SECOND * 9, true), None);
        let passed = deadlines.passed(start + SECOND * 10, true);
        assert_eq!(passed, Some(StreamError::UpstreamTimeout));
    }

    #[test]
    fn activity_puts_idleness_off() {
        let start = Instant::now();
        let deadlines = Deadlines::new(start, Some(SECOND), None);
        deadlines.touch(start + SECOND);
        assert_eq!(deadlines.passed(start + SECOND * 3 / 2, true), None);
        let passed = deadlines.passed(start + SECOND * 2, true);
        assert_eq!(
            passed,
            Some(StreamError::StreamIdle {
                request_complete: true
            })
        );
    }

    #[test]
    fn a_request_that_is_complete_is_not_late() {
        let start = Instant::now();
        let deadlines = Deadlines::new(start, None, Some(SECOND));
        assert_eq!(deadlines.passed(start + SECOND, true), None);
        let passed = deadlines.passed(start + SECOND, false);
        assert_eq!(
            passed,
            Some(StreamError::RequestTimeout {
                request_complete: false
            })
        );
    }

    #[test]
    fn a_tunnel_outlives_the_route_timeout() {
        let start = Instant::now();
        let deadlines = Deadlines::new(start, None, None);
        deadlines.start_route_timeout(Some(SECOND));
        deadlines.request_complete(start);
        deadlines.upgraded();
        assert_eq!(deadlines.passed(start + SECOND * 9, true), None);
    }
}
