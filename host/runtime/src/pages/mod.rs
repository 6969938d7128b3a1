//! Which pages of an instance's memory were written, by the kernel's word.
//!
//! Linux tells it in two ways: `PAGEMAP_SCAN` lists the pages that are the process's own and no
//! longer the snapshot's, and each first write to a page is a fault, which the thread's count of
//! faults shows. Elsewhere nothing is known, and no instance is used twice.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod unknown;

use std::ops::Range;

#[cfg(target_os = "linux")]
pub(crate) use linux::PageMap;
#[cfg(not(target_os = "linux"))]
pub(crate) use unknown::PageMap;

/// Most runs of pages that are written back. Beyond that a new instance costs as little.
const MAX_RUNS: usize = 32;
/// Most bytes that are written back.
const MAX_BYTES: usize = 1024 * 1024;

/// The pages of one memory that have ever been written. The memory stays on one thread.
#[derive(Debug, Default)]
pub(crate) struct WrittenPages {
    runs: Vec<Range<usize>>,
    /// How many faults the thread had had when they were last looked for.
    faults: Option<u64>,
    /// Whether every first write to a page shows in that number.
    counts_faults: bool,
}

impl WrittenPages {
    /// Begins with a new memory.
    pub(crate) fn of(map: &PageMap, memory: &mut [u8]) -> Self {
        Self {
            runs: Vec::new(),
            faults: None,
            counts_faults: map.forbid_huge_pages(memory),
        }
    }

    /// Returns the written pages as ranges of bytes, or `None` when that is not known or they are
    /// too many.
    pub(crate) fn find(&mut self, map: &PageMap, memory: &[u8]) -> Option<&[Range<usize>]> {
        // Before the scan: what is written meanwhile is looked for again.
        let faults = self.counts_faults.then(|| map.faults()).flatten();
        if faults.is_none() || faults != self.faults {
            self.faults = None;
            self.runs.clear();
            map.written(memory, &mut self.runs)?;
            self.faults = faults;
        }
        let bytes: usize = self.runs.iter().map(Range::len).sum();
        (bytes <= MAX_BYTES).then_some(&*self.runs)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::PageMap;

    const PAGE: usize = 64 * 1024;
    const LEN: usize = 64 * 1024 * 1024;

    #[test]
    fn the_first_write_to_a_page_is_a_fault_of_its_thread_and_shows_in_the_map() {
        // Older kernels tell nothing, and nothing relies on them.
        let Some(map) = PageMap::open() else { return };
        // So much comes from the system, page by page when it is written.
        let mut memory = vec![0_u8; LEN + PAGE];
        let skipped = memory.as_ptr().align_offset(PAGE);
        let memory = &mut memory[skipped..skipped + LEN];
        assert!(map.forbid_huge_pages(memory));
        let before = map.faults().unwrap();
        for at in [0, 5, 6, 9] {
            memory[at * PAGE] = 1;
        }
        assert!(map.faults().unwrap() - before >= 4);
        let mut runs = Vec::new();
        map.written(memory, &mut runs).unwrap();
        for at in [0, 5, 6, 9] {
            assert!(runs.iter().any(|run| run.contains(&(at * PAGE))), "{at}");
        }
        let bytes: usize = runs.iter().map(std::ops::Range::len).sum();
        assert!(bytes <= 4 * PAGE, "{runs:?}");
    }
}
