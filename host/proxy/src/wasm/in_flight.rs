//! `InFlight`: how much of a kind a VM has under way, with a limit.

use std::cell::Cell;
use std::rc::Rc;

use tollgate_runtime::CalloutRefusal;
use tollgate_runtime::abi::Status;

/// A count with a limit.
#[derive(Debug)]
pub(super) struct InFlight {
    count: Rc<Cell<usize>>,
    max: usize,
    what: &'static str,
}

/// One of what is counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Rc<Cell<usize>>);

impl InFlight {
    pub(super) fn new(max: usize, what: &'static str) -> Self {
        Self {
            count: Rc::default(),
            max,
            what,
        }
    }

    /// Counts one more.
    pub(super) fn start(&self) -> Result<Permit, CalloutRefusal> {
        if self.count.get() >= self.max {
            return Err(CalloutRefusal {
                status: Status::InternalFailure,
                reason: format!("{} {} wait for an answer already", self.max, self.what),
            });
        }
        self.count.set(self.count.get() + 1);
        Ok(Permit(Rc::clone(&self.count)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn what_has_ended_makes_room() {
        let lookups = InFlight::new(2, "lookups");
        let first = lookups.start();
        let _second = lookups.start();
        let refusal = lookups.start().unwrap_err();
        assert_eq!(refusal.reason, "2 lookups wait for an answer already");
        drop(first);
        assert!(lookups.start().is_ok());
    }
}
