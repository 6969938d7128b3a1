//! Schedule: what is going to happen in the test's time, in order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bytes::Bytes;
use tollgate_runtime::{Header, HttpCallResponse, ResolvedAddress};

use crate::upstream::UpstreamResponse;

/// What happens to a worker.
#[derive(Debug)]
pub(crate) enum Happening {
    Tick,
    /// A callout ends.
    Response {
        token: u32,
        response: HttpCallResponse,
    },
    /// Something comes of a gRPC callout.
    Grpc {
        token: u32,
        delivery: GrpcDelivery,
    },
    /// The answer to a DNS lookup; `None` when it fails.
    Resolved {
        token: u32,
        addresses: Option<Vec<ResolvedAddress>>,
    },
    /// An item was added to a queue.
    Queue {
        token: u32,
    },
    /// The origin answers the exchange with this number.
    Origin {
        exchange: u64,
        answer: UpstreamResponse,
    },
}

/// What comes of a gRPC callout.
#[derive(Clone, Debug)]
pub(crate) enum GrpcDelivery {
    InitialMetadata(Vec<Header>),
    Message(Bytes),
    TrailingMetadata(Vec<Header>),
    Close { status: u32, message: String },
}

/// What is due when, and on which worker.
#[derive(Default)]
pub(crate) struct Schedule {
    pending: RefCell<Vec<Pending>>,
    ticks: RefCell<BTreeMap<usize, Tick>>,
    last_order: Cell<u64>,
}

struct Pending {
    due: u64,
    order: u64,
    worker: usize,
    what: Happening,
}

#[derive(Clone, Copy)]
struct Tick {
    period: u64,
    due: u64,
}

impl Schedule {
    pub(crate) fn add(&self, worker: usize, due: u64, what: Happening) {
        let order = self.last_order.get() + 1;
        self.last_order.set(order);
        self.pending.borrow_mut().push(Pending {
            due,
            order,
            worker,
            what,
        });
    }

    pub(crate) fn set_tick(&self, worker: usize, now: u64, period: Option<u64>) {
        let mut ticks = self.ticks.borrow_mut();
        match period {
            None => ticks.remove(&worker),
            Some(period) => ticks.insert(
                worker,
                Tick {
                    period,
                    due: now.saturating_add(period),
                },
            ),
        };
    }

    /// Takes the next thing at or before `limit`, with its time and worker. Of things that are due
    /// at once what was asked for first comes first, and ticks last.
    pub(crate) fn take_next(&self, limit: u64) -> Option<(u64, usize, Happening)> {
        let tick = self.next_tick(limit);
        let mut pending = self.pending.borrow_mut();
        let first = pending.iter().enumerate();
        let first = first
            .min_by_key(|(_, pending)| (pending.due, pending.order))
            .map(|(index, pending)| (index, pending.due))
            .filter(|(_, due)| *due <= limit);
        match (tick, first) {
            (Some((due, worker)), first) if first.is_none_or(|(_, other)| due < other) => {
                if let Some(tick) = self.ticks.borrow_mut().get_mut(&worker) {
                    tick.due = due.saturating_add(tick.period.max(1));
                }
                Some((due, worker, Happening::Tick))
            }
            (_, Some((index, due))) => {
                let Pending { worker, what, .. } = pending.remove(index);
                Some((due, worker, what))
            }
            _ => None,
        }
    }

    fn next_tick(&self, limit: u64) -> Option<(u64, usize)> {
        let ticks = self.ticks.borrow();
        let ticks = ticks.iter().map(|(worker, tick)| (tick.due, *worker));
        ticks.filter(|(due, _)| *due <= limit).min()
    }

    /// When the last of what is pending is due, ticks aside.
    pub(crate) fn last_due(&self) -> Option<u64> {
        self.pending
            .borrow()
            .iter()
            .map(|pending| pending.due)
            .max()
    }

    /// Whether a callout, gRPC callout or DNS lookup is on its way.
    pub(crate) fn has_callouts(&self) -> bool {
        self.pending.borrow().iter().any(|pending| {
            matches!(
                pending.what,
                Happening::Response { .. } | Happening::Grpc { .. } | Happening::Resolved { .. }
            )
        })
    }

    /// Takes every callout of a worker whose response is on its way.
    pub(crate) fn take_responses(&self, worker: usize) -> Vec<Happening> {
        let mut pending = self.pending.borrow_mut();
        let is_response = |pending: &mut Pending| {
            pending.worker == worker && matches!(pending.what, Happening::Response { .. })
        };
        pending
            .extract_if(.., is_response)
            .map(|pending| pending.what)
            .collect()
    }

    /// Forgets what would come of a gRPC callout.
    pub(crate) fn cancel_grpc(&self, (worker, cancelled): (usize, u32)) {
        self.pending.borrow_mut().retain(|pending| {
            !(pending.worker == worker
                && matches!(pending.what, Happening::Grpc { token, .. } if token == cancelled))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Happening, Schedule};

    fn queue(token: u32) -> Happening {
        Happening::Queue { token }
    }

    #[test]
    fn things_happen_in_the_order_of_their_time_and_ticks_last() {
        let schedule = Schedule::default();
        schedule.set_tick(0, 0, Some(10));
        for (due, token) in [(20, 1), (10, 2), (20, 3)] {
            schedule.add(0, due, queue(token));
        }
        let mut seen = Vec::new();
        while let Some((due, _, what)) = schedule.take_next(20) {
            seen.push(match what {
                Happening::Queue { token, .. } => (due, token),
                _ => (due, 0),
            });
        }
        assert_eq!(seen, [(10, 2), (10, 0), (20, 1), (20, 3), (20, 0)]);
    }

    #[test]
    fn a_stopped_timer_is_silent() {
        let schedule = Schedule::default();
        schedule.set_tick(0, 0, Some(10));
        schedule.set_tick(0, 0, None);
        assert!(schedule.take_next(100).is_none());
    }
}
