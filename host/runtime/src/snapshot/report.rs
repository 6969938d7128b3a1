//! `SnapshotReport`: what a guest did while it was started that every instance will share.

use std::fmt;

/// Most reads that are kept apart; a guest may read the clock in a loop.
const MAX_READS: usize = 32;

/// Functions of Rust's standard library that seed a `HashMap`. That its keys are the same in all
/// instances is as in a VM that lives for long: whoever knows them can only slow it down.
const BENIGN: [&str; 2] = ["hashmap_random_keys", "RandomState"];

/// What a guest read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartReadKind {
    /// Random numbers: a generator seeded with them gives the same numbers in all instances.
    Entropy,
    /// A clock: the time is that of the snapshot in all instances.
    Clock,
}

/// A read while a guest was started and configured, frozen in every instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartRead {
    /// What was read.
    pub kind: StartReadKind,
    /// The hostcall.
    pub hostcall: &'static str,
    /// The guest's functions, innermost first; empty unless the engine records backtraces.
    pub functions: Vec<String>,
}

impl StartRead {
    /// Returns whether the read is known to do no harm: it seeds a hash table.
    #[must_use]
    pub fn is_benign(&self) -> bool {
        let mut functions = self.functions.iter();
        functions.any(|function| BENIGN.iter().any(|benign| function.contains(benign)))
    }
}

impl fmt::Display for StartRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StartReadKind::Entropy => "random numbers",
            StartReadKind::Clock => "the time",
        };
        write!(f, "{what} read while starting, by {}", self.hostcall)?;
        if let Some(function) = self.functions.first() {
            write!(f, " in `{function}`")?;
        }
        Ok(())
    }
}

/// What a guest did while it was started that every instance of the snapshot will share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Reads of entropy and clocks, each place in the code once and 32 at most.
    pub reads: Vec<StartRead>,
    /// Whether the guest exports `tollgate_on_restore`, in which it can read again what must differ.
    pub has_restore_hook: bool,
}

impl SnapshotReport {
    /// Returns the reads that a guest without a hook should not have made.
    pub fn hazards(&self) -> impl Iterator<Item = &StartRead> {
        self.reads
            .iter()
            .filter(|read| !self.has_restore_hook && !read.is_benign())
    }

    pub(crate) fn add(&mut self, read: StartRead) {
        if self.reads.len() < MAX_READS && !self.reads.contains(&read) {
            self.reads.push(read);
        }
    }
}
