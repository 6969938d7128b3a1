//! `Finished`: what streams and callbacks of roots were told from their beginning to their end.

use std::sync::Arc;

use super::step::Step;
use crate::VmConfig;

/// Most ends that wait to be taken.
const MAX_WAITING: usize = 256;

/// What has ended in a VM, or the stream of an instance, for [`StateCheck`](crate::StateCheck). It
/// can go to another thread.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Names of the plugins in the VM.
    pub plugins: Vec<String>,
    pub(crate) config: VmConfig,
    pub(crate) start: Arc<Vec<Step>>,
    pub(crate) ends: FinishedQueue,
    /// The size of the guest's memory now.
    pub(crate) memory_bytes: usize,
}

/// What has ended and was not taken yet, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct FinishedQueue {
    pub(super) ends: Vec<FinishedSteps>,
    /// How many streams there were at one time, at most.
    pub(super) most_streams: usize,
    /// Whether something is missing: then what comes after it proves nothing.
    pub(super) has_lost: bool,
}

#[derive(Clone, Debug)]
pub(super) struct FinishedSteps {
    pub(super) end_of: EndOf,
    pub(super) steps: Vec<Step>,
    /// Whether all steps are here.
    pub(super) is_whole: bool,
    /// Whether a root's callback ran meanwhile, so that what the guest was told first and last may
    /// belong to two states of its root.
    pub(super) spans_root_callback: bool,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndOf {
    Stream,
    RootCallback,
}

impl FinishedQueue {
    pub(super) fn push(&mut self, steps: FinishedSteps) {
        self.has_lost |= self.ends.len() >= MAX_WAITING;
        self.has_lost |= steps.end_of == EndOf::RootCallback && !steps.is_whole;
        if self.has_lost {
            self.ends.clear();
        } else {
            self.ends.push(steps);
        }
    }

    /// Takes what there is; `None` for nothing.
    pub(super) fn take(&mut self) -> Option<Self> {
        let is_empty = self.ends.is_empty() && !self.has_lost;
        (!is_empty).then(|| Self {
            ends: std::mem::take(&mut self.ends),
            ..*self
        })
    }
}
