//! `FaultGroup`: faults with one fingerprint, and examples of them.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use tollgate_runtime::{Fault, Fingerprint, SourceFrame, culprit};

/// Most examples of a group: the first ones and the last one.
const MAX_SAMPLES: usize = 3;

/// One fault of a group.
#[derive(Clone, Debug)]
pub(crate) struct FaultSample {
    /// When it happened.
    pub(crate) at: SystemTime,
    /// The fault.
    pub(crate) fault: Fault,
}

/// Faults with one fingerprint.
#[derive(Clone, Debug)]
pub(crate) struct FaultGroup {
    /// What they have in common.
    pub(crate) fingerprint: Fingerprint,
    /// The stack of the first, in terms of its source.
    pub(crate) frames: Vec<SourceFrame>,
    /// How many there were.
    pub(crate) count: u64,
    /// When the first happened.
    pub(crate) first_seen: SystemTime,
    /// When the last happened.
    pub(crate) last_seen: SystemTime,
    /// Examples, oldest first; never empty.
    pub(crate) samples: Vec<FaultSample>,
    /// Files from which such a fault can be replayed.
    pub(crate) bundles: Vec<PathBuf>,
    /// Core dumps.
    pub(crate) coredumps: Vec<PathBuf>,
}

impl FaultGroup {
    pub(super) fn new(
        fingerprint: Fingerprint,
        frames: Vec<SourceFrame>,
        first: FaultSample,
    ) -> Self {
        Self {
            fingerprint,
            frames,
            count: 0,
            first_seen: first.at,
            last_seen: first.at,
            samples: vec![first],
            bundles: Vec::new(),
            coredumps: Vec::new(),
        }
    }

    pub(super) fn count(&mut self, faults: u64, now: SystemTime) {
        self.count = self.count.saturating_add(faults);
        self.last_seen = self.last_seen.max(now);
    }

    /// Keeps an example in place of the one before it, when there are enough.
    pub(super) fn add_sample(&mut self, sample: FaultSample) {
        self.samples.truncate(MAX_SAMPLES - 1);
        self.samples.push(sample);
    }

    pub(super) fn latest(&self) -> Option<&FaultSample> {
        self.samples.last()
    }

    /// Returns where to look first: the innermost frame of the plugin's own.
    pub(crate) fn place(&self) -> Option<String> {
        culprit(&self.frames)?.place()
    }
}

/// Everything about the group, for people.
impl fmt::Display for FaultGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sample) = self.latest() else {
            return Ok(());
        };
        let Self {
            fingerprint, count, ..
        } = self;
        let fault = &sample.fault;
        write!(f, "fault {fingerprint} ({count} times): {fault}")?;
        for (depth, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  {depth}: {frame}")?;
        }
        let calls = &fault.details.hostcalls;
        if !calls.is_empty() {
            write!(f, "\n  last hostcalls:")?;
        }
        for call in calls {
            let earlier = if call.is_earlier {
                " (earlier callback)"
            } else {
                ""
            };
            let (name, arguments, outcome) = (call.name, &call.arguments, &call.outcome);
            write!(f, "\n    {name}({arguments}) = {outcome}{earlier}")?;
        }
        for path in &self.coredumps {
            write!(f, "\n  core dump: {}", path.display())?;
        }
        for path in &self.bundles {
            write!(f, "\n  replay it: tollgate replay {}", path.display())?;
        }
        Ok(())
    }
}
