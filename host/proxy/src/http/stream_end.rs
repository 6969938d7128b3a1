//! The end of a stream: by its last byte, by a deadline, or because the client has left.

use std::time::{Duration, Instant};

use super::active_stream::ActiveStream;
use super::local_response::StreamError;
use super::response_flags::ResponseFlags;
use crate::filter::Event;
use crate::timeouts::Expiring;

/// How long a client may take what comes before a reset: Envoy's `delayed_close_timeout`.
const DELAYED_CLOSE: Duration = Duration::from_secs(1);

impl ActiveStream {
    /// Ends the stream, once: lets go of both bodies, logs, and tells the filters.
    pub(super) fn finish(&self) {
        if self.finished.replace(true) {
            return;
        }
        self.take_end_that_is_left();
        let info = &self.state.info;
        // A stream that is through ended with its last byte.
        let last_byte = info.times.last_downstream_tx.get();
        let now = last_byte
            .filter(|_| self.response_done.get())
            .unwrap_or_else(Instant::now);
        info.times.end.set(Some(now));
        if !self.response_done.get() && !self.upgrade.is_taken() {
            self.note_unfinished();
        }
        if let Some(slot) = self.timeout_slot.take() {
            self.manager.worker.timeouts.remove(slot);
        }
        self.request_body.take();
        self.source.take();
        if let Some(waker) = self.sender_waker.take() {
            waker.wake();
        }
        self.chain.complete(|| self.manager.log(&self.state));
        self.count_end(now);
        self.manager.streams().ended();
        self.connection.stream_ended(now);
    }

    /// A client's connection that knows the body's length does not ask for the end that follows the
    /// last byte.
    fn take_end_that_is_left(&self) {
        if self.response_done.get() || !self.state.response_sent() {
            return;
        }
        if let Some(Event::Data {
            data,
            end_of_stream: true,
        }) = self.chain.next_response_event()
        {
            self.response_done.set(data.is_empty());
        }
    }

    fn count_end(&self, now: Instant) {
        let stats = &self.manager.stats;
        stats.downstream.downstream_rq_active.dec();
        let took = now
            .saturating_duration_since(self.state.info.start)
            .as_millis();
        stats
            .downstream
            .downstream_rq_time
            .record(u64::try_from(took).unwrap_or(u64::MAX));
        if let Some(details) = self.state.info.response_code_details.borrow().as_deref() {
            stats.count_details(details);
        }
        match self.state.info.response_code.get() {
            Some(status) => stats.count_response(status),
            None => stats.downstream.downstream_rq_rx_reset.inc(),
        }
    }

    /// Returns whether a reset has waited for too long: what comes before it is not taken, so that
    /// the client's connection does not ask for more.
    fn is_stuck(&self, now: Instant) -> bool {
        let is_asked = self.state.response_sent() && self.state.is_interrupted();
        if !is_asked && !self.is_breaking.get() {
            return false;
        }
        let since = self.stuck_since.get().unwrap_or(now);
        self.stuck_since.set(Some(since));
        now.saturating_duration_since(since) >= DELAYED_CLOSE
    }

    /// The response did not reach its end: unless somebody said why, the client has left.
    fn note_unfinished(&self) {
        let info = &self.state.info;
        if info.response_flags.get().is_empty() && !self.closes_connection.get() {
            let left = ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION;
            info.response_flags.set(left);
            *info.response_code_details.borrow_mut() = Some("downstream_remote_disconnect".into());
        }
    }
}

impl Expiring for ActiveStream {
    fn check(&self, now: Instant) {
        if self.is_stuck(now) {
            return self.connection.cut_off(self.task.borrow().as_deref());
        }
        if self.manager.streams().are_expired() {
            let expired = StreamError::GenerationExpired;
            return self.state.send_local_reply(expired.to_local_reply());
        }
        let is_complete = self.request_body.borrow().is_none();
        if let Some(error) = self.deadlines.passed(now, is_complete) {
            self.state.send_local_reply(error.to_local_reply());
        }
    }
}
