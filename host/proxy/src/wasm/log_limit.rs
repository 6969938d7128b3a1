//! `LogLimit`: how much a plugin writes to the log.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Lines a second by default: far more than anybody reads, far fewer than a loop writes.
const DEFAULT_LINES: usize = 10_000;
const INTERVAL: Duration = Duration::from_secs(1);

/// The lines of one VM and its streams within this second.
#[derive(Debug)]
pub(super) struct LogLimit {
    lines: usize,
    since: Cell<Instant>,
    written: Cell<usize>,
}

impl LogLimit {
    pub(super) fn new(lines_per_second: Option<usize>) -> Self {
        Self {
            lines: lines_per_second.unwrap_or(DEFAULT_LINES),
            since: Cell::new(Instant::now()),
            written: Cell::new(0),
        }
    }

    /// Returns what is to become of one more line.
    pub(super) fn admit(&self, now: Instant) -> Line {
        if now.saturating_duration_since(self.since.get()) >= INTERVAL {
            self.since.set(now);
            self.written.set(0);
        }
        let written = self.written.get();
        self.written.set(written.saturating_add(1));
        match written.cmp(&self.lines) {
            std::cmp::Ordering::Less => Line::Written,
            std::cmp::Ordering::Equal => Line::FirstDropped,
            std::cmp::Ordering::Greater => Line::Dropped,
        }
    }
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Written,
    /// The first of this second that is too much, which the log says.
    FirstDropped,
    Dropped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_no_more() {
        let limit = LogLimit::new(Some(2));
        let now = limit.since.get();
        let lines: Vec<_> = (0..4).map(|_| limit.admit(now)).collect();
        assert_eq!(
            lines,
            [
                Line::Written,
                Line::Written,
                Line::FirstDropped,
                Line::Dropped
            ]
        );
        assert_eq!(limit.admit(now + INTERVAL), Line::Written);
    }
}
