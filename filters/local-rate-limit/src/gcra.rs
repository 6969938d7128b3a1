//! The generic cell rate algorithm: a limit that needs one number per key.
//!
//! The number is the theoretical arrival time (TAT): when a client that sent evenly would have
//! sent all it did. A request moves it on by one interval; it may run ahead of the clock by the
//! burst. That is a bucket of `burst` tokens which fills by one per interval.

/// A rate and how far it may be exceeded at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Nanoseconds between two requests at the rate.
    interval: u64,
    /// How many requests may come at once.
    burst: u32,
}

/// The finest interval: a million requests a second.
const MIN_INTERVAL: u64 = 1_000;

/// The longest time in which a burst may come back.
const MAX_REFILL: u64 = 366 * 86_400 * 1_000_000_000;

const SECOND: u64 = 1_000_000_000;

impl Limit {
    /// Makes a limit of `requests` per `nanoseconds`, at most `burst` at once.
    ///
    /// # Errors
    ///
    /// When the numbers make no limit; the first half names the field.
    pub(crate) fn new(
        requests: u32,
        nanoseconds: u64,
        burst: u32,
    ) -> Result<Self, (&'static str, &'static str)> {
        if requests == 0 {
            return Err(("requests", "must be at least 1"));
        }
        if burst == 0 {
            return Err(("burst", "must be at least 1"));
        }
        let interval = nanoseconds / u64::from(requests);
        if interval < MIN_INTERVAL {
            return Err(("requests", "must be at most one per microsecond"));
        }
        match interval.checked_mul(u64::from(burst)) {
            Some(refill) if refill <= MAX_REFILL => Ok(Self { interval, burst }),
            _ => Err(("per", "a used burst must come back within 366 days")),
        }
    }

    /// Returns how many requests may come at once.
    pub(crate) fn burst(self) -> u32 {
        self.burst
    }

    /// Returns the seconds in which a used burst comes back, rounded up.
    pub(crate) fn window_seconds(self) -> u64 {
        self.refill().div_ceil(SECOND)
    }

    /// Decides about a request that counts as `cost`, at `now`, after what `tat` remembers.
    ///
    /// A cost above the burst could never pass; it counts as the burst.
    pub(crate) fn take(self, tat: u64, now: u64, cost: u32) -> Verdict {
        // A TAT out of reach is of another limit or another clock, and would block for long.
        let tat = tat.clamp(now, now.saturating_add(self.refill()));
        let cost = u64::from(cost.clamp(1, self.burst));
        let next = tat.saturating_add(self.interval.saturating_mul(cost));
        let allowed_at = next.saturating_sub(self.refill());
        if allowed_at <= now {
            Verdict {
                limit: self,
                tat: next,
                now,
                wait: 0,
            }
        } else {
            Verdict {
                limit: self,
                tat,
                now,
                wait: allowed_at - now,
            }
        }
    }

    fn refill(self) -> u64 {
        self.interval.saturating_mul(u64::from(self.burst))
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    limit: Limit,
    tat: u64,
    now: u64,
    wait: u64,
}

impl Verdict {
    /// Says whether the request passes.
    pub(crate) fn is_allowed(&self) -> bool {
        self.wait == 0
    }

    /// Returns what to remember.
    pub(crate) fn tat(&self) -> u64 {
        self.tat
    }

    /// Returns the limit.
    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    /// Returns how many more requests would pass now.
    pub(crate) fn remaining(&self) -> u32 {
        let free = self
            .limit
            .refill()
            .saturating_sub(self.tat.saturating_sub(self.now));
        u32::try_from(free / self.limit.interval).unwrap_or(self.limit.burst)
    }

    /// Returns the seconds until the whole burst is there again, rounded up.
    pub(crate) fn reset_seconds(&self) -> u64 {
        self.tat.saturating_sub(self.now).div_ceil(SECOND)
    }

    /// Returns the seconds after which the same request passes, rounded up.
    pub(crate) fn retry_seconds(&self) -> u64 {
        self.wait.div_ceil(SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, SECOND, Verdict};

    const NOW: u64 = 1_767_225_600 * SECOND;

    fn limit(requests: u32, seconds: u64, burst: u32) -> Limit {
        Limit::new(requests, seconds * SECOND, burst).unwrap()
    }

    /// Sends requests at these offsets and returns the verdicts.
    fn send(limit: Limit, offsets: &[u64]) -> Vec<Verdict> {
        let mut tat = 0;
        let mut verdicts = Vec::new();
        for offset in offsets {
            let verdict = limit.take(tat, NOW + offset, 1);
            tat = verdict.tat();
            verdicts.push(verdict);
        }
        verdicts
    }

    fn allowed(verdicts: &[Verdict]) -> Vec<bool> {
        verdicts.iter().map(Verdict::is_allowed).collect()
    }

    #[test]
    fn a_burst_passes_at_once_and_not_one_more() {
        let verdicts = send(limit(3, 10, 3), &[0, 0, 0, 0]);
        assert_eq!(allowed(&verdicts), [true, true, true, false]);
        let remaining: Vec<u32> = verdicts.iter().map(Verdict::remaining).collect();
        assert_eq!(remaining, [2, 1, 0, 0]);
    }

    #[test]
    fn one_more_passes_after_each_interval() {
        let second = SECOND;
        let verdicts = send(
            limit(1, 1, 2),
            &[0, 0, second - 1, second, second, 2 * second],
        );
        assert_eq!(allowed(&verdicts), [true, true, false, true, false, true]);
    }

    #[test]
    fn waiting_longer_saves_no_more_than_the_burst() {
        let day = 86_400 * SECOND;
        let verdicts = send(limit(10, 10, 2), &[0, day, day, day]);
        assert_eq!(allowed(&verdicts), [true, true, true, false]);
    }

    #[test]
    fn the_times_told_are_rounded_up_and_true() {
        let limit = limit(1, 3, 2);
        let verdicts = send(limit, &[0, 0, 100]);
        assert_eq!(verdicts[1].reset_seconds(), 6);
        assert_eq!(verdicts[2].retry_seconds(), 3);
        let after = NOW + 100 + verdicts[2].retry_seconds() * SECOND;
        assert!(limit.take(verdicts[2].tat(), after, 1).is_allowed());
        assert_eq!(limit.window_seconds(), 6);
    }

    #[test]
    fn a_cost_counts_as_so_many_requests_but_never_as_more_than_the_burst() {
        let limit = limit(10, 10, 10);
        let first = limit.take(0, NOW, 7);
        assert!(first.is_allowed());
        assert_eq!(first.remaining(), 3);
        assert!(!limit.take(first.tat(), NOW, 4).is_allowed());
        assert!(limit.take(first.tat(), NOW, 3).is_allowed());
        assert!(limit.take(0, NOW, u32::MAX).is_allowed());
        assert_eq!(limit.take(0, NOW, 0).remaining(), 9);
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let limit = limit(1, 10, 1);
        let first = limit.take(0, NOW, 1);
        let second = limit.take(first.tat(), NOW + SECOND, 1);
        assert_eq!(second.tat(), first.tat());
        assert_eq!(second.retry_seconds(), 9);
    }

    #[test]
    fn a_clock_that_went_back_blocks_for_no_longer_than_the_window() {
        let limit = limit(5, 10, 5);
        let verdict = limit.take(NOW + 3600 * SECOND, NOW, 1);
        assert!(!verdict.is_allowed());
        assert_eq!(verdict.retry_seconds(), 2);
    }

    #[test]
    fn extreme_numbers_neither_overflow_nor_panic() {
        let widest = Limit::new(1, 366 * 86_400 * SECOND, 1).unwrap();
        assert!(!widest.take(u64::MAX, u64::MAX, u32::MAX).is_allowed() || widest.burst() == 1);
        assert!(Limit::new(1, 366 * 86_400 * SECOND, 2).is_err());
        assert!(Limit::new(u32::MAX, SECOND, 1).is_err());
        assert!(Limit::new(0, SECOND, 1).is_err());
        assert!(Limit::new(1, SECOND, 0).is_err());
        assert!(Limit::new(1, u64::MAX, u32::MAX).is_err());
    }
}
