//! `FaultLog`: faults in the log, equal ones at a bounded rate.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tollgate_runtime::Fault;

/// The time in which equal faults are counted together.
const INTERVAL: Duration = Duration::from_secs(10);
/// How many equal faults are written within it.
const LINES: usize = 5;
/// Most kinds that are told apart; those on top are counted as one.
const MAX_KINDS: usize = 256;

/// What was written of late.
#[derive(Debug, Default)]
pub(super) struct FaultLog(Mutex<HashMap<Kind, Lines>>);

/// Faults with equal kinds say the same. A guest's words are its own, and may hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Kind {
    plugin: String,
    callback: &'static str,
    message: String,
}

#[derive(Clone, Copy, Debug)]
struct Lines {
    since: Instant,
    written: usize,
    held_back: usize,
}

impl FaultLog {
    /// Writes a fault, unless enough of its kind were written lately; then the next one that is
    /// written says how many were not.
    pub(super) fn write(&self, fault: &Fault, now: Instant) {
        let kind = Kind {
            plugin: fault.plugin.clone(),
            callback: fault.callback,
            message: fault.message.clone(),
        };
        match self.admit(kind, now) {
            Some(0) => tracing::error!(target: "wasm", "{fault}"),
            Some(held_back) => tracing::error!(target: "wasm", held_back, "{fault}"),
            None => {}
        }
    }

    /// Returns how many equal faults were held back before this one, or `None` to hold it back.
    fn admit(&self, mut kind: Kind, now: Instant) -> Option<usize> {
        let mut kinds = self.0.lock();
        if kinds.len() >= MAX_KINDS && !kinds.contains_key(&kind) {
            kinds.retain(|_, lines| now.saturating_duration_since(lines.since) < INTERVAL);
            if kinds.len() >= MAX_KINDS {
                kind = Kind::default();
            }
        }
        let lines = kinds.entry(kind).or_insert(Lines {
            since: now,
            written: 0,
            held_back: 0,
        });
        if now.saturating_duration_since(lines.since) >= INTERVAL {
            lines.since = now;
            lines.written = 0;
        }
        if lines.written >= LINES {
            lines.held_back += 1;
            return None;
        }
        lines.written += 1;
        Some(std::mem::take(&mut lines.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str) -> Kind {
        Kind {
            plugin: "auth".to_owned(),
            callback: "proxy_on_request_headers",
            message: message.to_owned(),
        }
    }

    #[test]
    fn equal_faults_are_written_at_a_bounded_rate_and_counted() {
        let (log, now) = (FaultLog::default(), Instant::now());
        let crash = fault("unreachable");
        for _ in 0..LINES {
            assert_eq!(log.admit(crash.clone(), now), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(log.admit(crash.clone(), now), None);
        }
        assert_eq!(log.admit(crash.clone(), now + INTERVAL), Some(7));
        assert_eq!(log.admit(crash, now + INTERVAL), Some(0));
    }

    #[test]
    fn other_faults_are_written_all_the_same() {
        let (log, now) = (FaultLog::default(), Instant::now());
        for _ in 0..2 * LINES {
            log.admit(fault("unreachable"), now);
        }
        assert_eq!(log.admit(fault("out of bounds"), now), Some(0));
    }

    #[test]
    fn a_guest_with_ever_new_words_fills_neither_memory_nor_log() {
        let (log, now) = (FaultLog::default(), Instant::now());
        let written = (0..10 * MAX_KINDS)
            .filter(|number| log.admit(fault(&number.to_string()), now).is_some());
        assert_eq!(written.count(), MAX_KINDS + LINES);
        assert_eq!(log.0.lock().len(), MAX_KINDS + 1);
    }
}
