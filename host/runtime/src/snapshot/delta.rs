//! `Delta`: what a VM has changed since its snapshot was taken.

use std::fmt;

use super::Plugins;
use super::image::Global;

/// Bytes of a page, the unit in which memory is compared and copied.
pub(crate) const PAGE: usize = 4096;

/// What a root VM has changed since a snapshot of it, made by
/// [`Vm::changes_since`](crate::Vm::changes_since). Each new instance pays for applying it, about
/// 0.3 µs a page; a new snapshot pays once.
#[derive(Debug)]
pub struct Delta {
    /// Bytes of memory that the VM has now; it never shrinks.
    pub(crate) memory_len: usize,
    /// Changed pages, those side by side as one.
    pub(crate) runs: Vec<Run>,
    /// Changed globals, by their positions among the mutable ones.
    pub(crate) globals: Vec<(usize, Global)>,
    pub(crate) plugins: Plugins,
    pub(crate) has_grown: bool,
}

/// Changed pages that lie side by side.
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) bytes: Box<[u8]>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}+{:#x}", self.start, self.bytes.len())
    }
}

impl Delta {
    /// Returns whether the guest has changed nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.globals.is_empty() && !self.has_grown
    }

    /// Returns how many bytes are copied into each instance.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.runs.iter().map(|run| run.bytes.len()).sum()
    }

    /// Returns how many pages of 4 KiB are copied into each instance.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.byte_len() / PAGE
    }
}

/// Returns the changed pages of a memory that was `before`. What it has grown by began as zeros.
pub(crate) fn changed_runs(before: &[u8], now: &[u8]) -> Vec<Run> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let old = before.chunks(PAGE).map(Some).chain(std::iter::repeat(None));
    for (index, (page, old)) in now.chunks(PAGE).zip(old).enumerate() {
        let is_same = match old {
            Some(old) => old == page,
            None => page.iter().all(|byte| *byte == 0),
        };
        if is_same {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if *end == index => *end += 1,
            _ => runs.push((index, index + 1)),
        }
    }
    let runs = runs.into_iter().filter_map(|(first, end)| {
        let start = first * PAGE;
        let bytes = now.get(start..(end * PAGE).min(now.len()))?;
        Some(Run {
            start,
            bytes: bytes.into(),
        })
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use super::{PAGE, changed_runs};

    #[test]
    fn neighbours_are_one_run_and_fresh_zeros_are_no_change() {
        let before = vec![1; 4 * PAGE];
        let mut now = before.clone();
        now.resize(6 * PAGE, 0);
        for at in [0, PAGE, 3 * PAGE + 7, 5 * PAGE] {
            now[at] = 9;
        }
        let runs = changed_runs(&before, &now);
        let found: Vec<_> = runs
            .iter()
            .map(|run| (run.start, run.bytes.len()))
            .collect();
        assert_eq!(found, [(0, 2 * PAGE), (3 * PAGE, PAGE), (5 * PAGE, PAGE)]);
        assert_eq!(runs[1].bytes[7], 9);
    }
}
