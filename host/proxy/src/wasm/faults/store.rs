//! `FaultStore`: the groups of a process, few enough to keep.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tollgate_runtime::{Fault, FaultKind, Fingerprint, Module, SourceFrame};

use super::group::{FaultGroup, FaultSample};

/// Most groups; the one that was quiet for longest makes room.
const MAX_GROUPS: usize = 100;
/// Most kinds of stacks that are known without being looked at again.
const MAX_KEYS: usize = 1_000;
/// Frames that tell stacks apart before they are looked at.
const FRAMES: usize = 8;
/// How long an example of a group is the latest one, and its lines in the log the last ones.
const INTERVAL: Duration = Duration::from_secs(60);

/// A fault before it is looked at: equal keys have equal stacks, and so one fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FaultKey {
    module: u64,
    plugin: String,
    callback: &'static str,
    kind: FaultKind,
    stack: Vec<(u32, Option<usize>)>,
}

impl FaultKey {
    pub(super) fn new(fault: &Fault, module: &Module) -> Self {
        let frames = fault.details.backtrace.iter().take(FRAMES);
        Self {
            module: module.serial(),
            plugin: fault.plugin.clone(),
            callback: fault.callback,
            kind: fault.kind,
            stack: frames
                .map(|frame| (frame.function_index, frame.function_offset))
                .collect(),
        }
    }
}

/// What is to be done with a fault after it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Done,
    /// The reporter is to look at it.
    Report,
}

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// The reporter has it; so many more were seen meanwhile.
    Reported(u64),
    Group {
        fingerprint: Fingerprint,
        reported: SystemTime,
    },
}

/// The groups of a process.
#[derive(Default)]
pub(super) struct FaultStore(Mutex<Content>);

#[derive(Default)]
struct Content {
    keys: HashMap<FaultKey, Known>,
    groups: HashMap<Fingerprint, FaultGroup>,
    unexamined: u64,
}

impl FaultStore {
    /// Counts a fault; a new one, or one that may be a new example, is for the reporter.
    pub(super) fn count(&self, key: &FaultKey, now: SystemTime) -> Next {
        let mut content = self.0.lock();
        let Content { keys, groups, .. } = &mut *content;
        match keys.get_mut(key) {
            None => {
                if keys.len() >= MAX_KEYS {
                    keys.retain(|_, known| matches!(known, Known::Reported(_)));
                }
                keys.insert(key.clone(), Known::Reported(1));
                Next::Report
            }
            Some(Known::Reported(waiting)) => {
                *waiting += 1;
                Next::Done
            }
            Some(Known::Group {
                fingerprint,
                reported,
            }) => {
                let Some(group) = groups.get_mut(fingerprint) else {
                    keys.insert(key.clone(), Known::Reported(1));
                    return Next::Report;
                };
                group.count(1, now);
                let is_due = now
                    .duration_since(*reported)
                    .is_ok_and(|age| age >= INTERVAL);
                if !is_due {
                    return Next::Done;
                }
                *reported = now;
                Next::Report
            }
        }
    }

    /// Takes back that the reporter looks at a fault: it has too much to do.
    pub(super) fn forgo(&self, key: &FaultKey) {
        let mut content = self.0.lock();
        if let Some(Known::Reported(waiting)) = content.keys.get(key).copied() {
            content.keys.remove(key);
            content.unexamined = content.unexamined.saturating_add(waiting);
        }
    }

    /// Takes back all that the reporter was to look at: there is none.
    pub(super) fn forgo_all(&self) {
        let mut content = self.0.lock();
        let mut lost: u64 = 0;
        content.keys.retain(|_, known| match known {
            Known::Reported(waiting) => {
                lost = lost.saturating_add(*waiting);
                false
            }
            Known::Group { .. } => true,
        });
        content.unexamined = content.unexamined.saturating_add(lost);
    }

    /// Puts a fault that was looked at into its group, and returns the group as it is then.
    pub(super) fn add(
        &self,
        key: &FaultKey,
        (fingerprint, frames): (Fingerprint, Vec<SourceFrame>),
        sample: FaultSample,
    ) -> FaultGroup {
        let mut content = self.0.lock();
        let at = sample.at;
        let known = Known::Group {
            fingerprint,
            reported: at,
        };
        let waiting = match content.keys.insert(key.clone(), known) {
            Some(Known::Reported(waiting)) => waiting,
            Some(Known::Group { .. }) | None => 0,
        };
        if !content.groups.contains_key(&fingerprint) {
            content.make_room();
        }
        let group = match content.groups.entry(fingerprint) {
            Entry::Occupied(group) => {
                let group = group.into_mut();
                group.add_sample(sample);
                group
            }
            Entry::Vacant(vacant) => vacant.insert(FaultGroup::new(fingerprint, frames, sample)),
        };
        group.count(waiting, at);
        group.clone()
    }

    /// Sets which files there are of a group.
    pub(super) fn set_files(&self, with_files: &FaultGroup) {
        if let Some(group) = self.0.lock().groups.get_mut(&with_files.fingerprint) {
            group.bundles.clone_from(&with_files.bundles);
            group.coredumps.clone_from(&with_files.coredumps);
        }
    }

    pub(super) fn groups(&self) -> Vec<FaultGroup> {
        let mut groups: Vec<_> = self.0.lock().groups.values().cloned().collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.last_seen, group.count)));
        groups
    }

    pub(super) fn unexamined(&self) -> u64 {
        self.0.lock().unexamined
    }
}

impl Content {
    fn make_room(&mut self) {
        if self.groups.len() < MAX_GROUPS {
            return;
        }
        let oldest = self.groups.values().min_by_key(|group| group.last_seen);
        if let Some(fingerprint) = oldest.map(|group| group.fingerprint) {
            self.groups.remove(&fingerprint);
        }
    }
}

impl fmt::Debug for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.0.lock();
        f.debug_struct("FaultStore")
            .field("groups", &content.groups.len())
            .field("keys", &content.keys.len())
            .finish_non_exhaustive()
    }
}
