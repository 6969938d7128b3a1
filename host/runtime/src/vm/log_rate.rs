//! `LogRate`: how many lines a guest may log in a second.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Lines of this second, counted for a VM and the instances of its snapshots together. Threads that
/// meet at the turn of a second may let a few more pass.
#[derive(Debug, Default)]
pub(crate) struct LogRate {
    second: AtomicU64,
    lines: AtomicUsize,
    suppressed: AtomicUsize,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Write,
    /// It is the first of a second, and so many were suppressed before.
    WriteAfter(usize),
    Suppress,
}

impl LogRate {
    pub(crate) fn judge(&self, now_nanos: u64, limit: usize) -> Verdict {
        let second = now_nanos / 1_000_000_000;
        let mut before = 0;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.lines.store(0, Ordering::Relaxed);
            before = self.suppressed.swap(0, Ordering::Relaxed);
        }
        if self.lines.fetch_add(1, Ordering::Relaxed) >= limit {
            // Not more than there is room for until the second is over.
            self.lines.store(limit, Ordering::Relaxed);
            self.suppressed
                .fetch_add(before.saturating_add(1), Ordering::Relaxed);
            return Verdict::Suppress;
        }
        match before {
            0 => Verdict::Write,
            suppressed => Verdict::WriteAfter(suppressed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogRate, Verdict};

    #[test]
    fn lines_beyond_the_limit_are_counted_until_the_next_second() {
        let rate = LogRate::default();
        let at = |second: u64| rate.judge(second * 1_000_000_000 + 5, 2);
        let verdicts = [at(7), at(7), at(7), at(7), at(8), at(8), at(9)];
        assert_eq!(
            verdicts,
            [
                Verdict::Write,
                Verdict::Write,
                Verdict::Suppress,
                Verdict::Suppress,
                Verdict::WriteAfter(2),
                Verdict::Write,
                Verdict::Write,
            ]
        );
    }

    #[test]
    fn no_lines_at_all_may_be_allowed() {
        let rate = LogRate::default();
        assert_eq!(rate.judge(0, 0), Verdict::Suppress);
        assert_eq!(rate.judge(2_000_000_000, 0), Verdict::Suppress);
    }
}
