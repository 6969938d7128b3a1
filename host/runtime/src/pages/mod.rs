//! Which pages of an instance's memory were written, by the kernel's word.
//!
//! Linux tells it in two ways: `PAGEMAP_SCAN` lists the pages that are the process's own and no
//! longer the snapshot's, and each first write to a page is a fault, which the thread's count of
//! faults shows. The scan costs by the memory's size, so it is only made when the thread has had a
//! fault in a [turn](turns) in which the memory may have been written. Elsewhere nothing is known,
//! and no instance is used twice.

#[cfg(target_os = "linux")]
mod linux;
mod turns;
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
    /// Whether there may be others.
    is_stale: bool,
    /// The last turn in which the memory may have been written; the first is of an unknown one.
    turn: u64,
    /// Whether every first write to a page shows in the thread's faults.
    counts_faults: bool,
}

impl WrittenPages {
    /// Begins with a new memory.
    pub(crate) fn of(map: &PageMap, memory: &mut [u8]) -> Self {
        Self {
            counts_faults: map.forbid_huge_pages(memory),
            ..Self::default()
        }
    }

    /// The memory may be written from now on until the thread's turn ends.
    pub(crate) fn expect_writes(&mut self) {
        let now = turns::current();
        if self.turn != now {
            self.is_stale |= turns::has_had_faults(self.turn);
            self.turn = now;
        }
    }

    /// The memory is not written for a while. A turn that has ended meanwhile is not told from those
    /// that followed.
    pub(crate) fn end_writes(&mut self) {
        self.is_stale |= self.turn != turns::current();
    }

    /// Returns the written pages as ranges of bytes, or `None` when that is not known or they are
    /// too many. The turn ends, so they are all up to the next
    /// [`expect_writes`](Self::expect_writes).
    pub(crate) fn find(&mut self, map: &PageMap, memory: &[u8]) -> Option<&[Range<usize>]> {
        turns::end(map.faults());
        self.is_stale |= !self.counts_faults || turns::has_had_faults(self.turn);
        if self.is_stale {
            self.runs.clear();
            map.written(memory, &mut self.runs)?;
            self.is_stale = false;
        }
        self.turn = turns::current();
        let bytes: usize = self.runs.iter().map(Range::len).sum();
        (bytes <= MAX_BYTES).then_some(&*self.runs)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::{PageMap, WrittenPages};

    const PAGE: usize = 64 * 1024;
    const LEN: usize = 64 * 1024 * 1024;

    #[test]
    fn the_first_write_to_a_page_is_a_fault_of_its_thread_and_shows_in_the_map() {
        // Older kernels tell nothing, and nothing relies on them.
        let Some(map) = PageMap::open() else { return };
        // So much comes from the system, page by page when it is written.
        let mut memory = vec![0_u8; LEN + PAGE];
        let memory = aligned(&mut memory);
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

    /// A memory that begins with a page.
    fn aligned(bytes: &mut [u8]) -> &mut [u8] {
        let skipped = bytes.as_ptr().align_offset(PAGE);
        &mut bytes[skipped..skipped + LEN]
    }

    /// Two memories of one thread.
    struct Two {
        map: PageMap,
        bytes: [Vec<u8>; 2],
        pages: [WrittenPages; 2],
    }

    impl Two {
        fn new() -> Option<Self> {
            let map = PageMap::open()?;
            let mut bytes = [(); 2].map(|()| vec![0_u8; LEN + PAGE]);
            let pages = bytes.each_mut();
            let pages = pages.map(|bytes| WrittenPages::of(&map, aligned(bytes)));
            Some(Self { map, bytes, pages })
        }

        fn write(&mut self, which: usize, page: usize) {
            aligned(&mut self.bytes[which])[page * PAGE] = 1;
        }

        fn finds(&mut self, which: usize, page: usize) -> bool {
            let memory = aligned(&mut self.bytes[which]);
            let mut found = self.pages[which].find(&self.map, memory).unwrap().iter();
            found.any(|run| run.contains(&(page * PAGE)))
        }
    }

    #[test]
    fn a_fault_concerns_the_memories_that_were_written_in_its_turn() {
        let Some(mut two) = Two::new() else { return };
        assert!(!two.finds(0, 1) && !two.finds(1, 1));
        for page in 2..20 {
            two.pages[0].expect_writes();
            two.write(0, page);
            two.pages[0].end_writes();
            assert!(!two.finds(1, page));
            two.pages[1].expect_writes();
            two.write(1, page);
            two.pages[1].end_writes();
            two.pages[0].expect_writes();
            assert!(two.finds(1, page));
            assert!(two.finds(0, page));
            // Of these turns it was entered in none with a fault.
            two.pages[0].expect_writes();
            assert!(!two.pages[0].is_stale);
        }
    }

    #[test]
    fn writes_may_go_on_while_turns_end() {
        let Some(mut two) = Two::new() else { return };
        assert!(!two.finds(0, 1));
        for page in 2..20 {
            two.pages[0].expect_writes();
            two.finds(1, page);
            two.write(0, page);
            two.finds(1, page);
            two.pages[0].end_writes();
            two.finds(1, page);
            assert!(two.finds(0, page));
        }
    }
}
