//! `PageMap`: what Linux tells of a process's pages. All unsafe code of this crate is here: three
//! system calls that neither read nor write memory of ours, apart from their own parameters.
#![expect(unsafe_code, reason = "libc has no safe form of these system calls")]

use std::fs::File;
use std::mem;
use std::ops::Range;
use std::os::fd::AsRawFd;

use super::MAX_RUNS;

/// The page tables of this process.
#[derive(Debug)]
pub(crate) struct PageMap {
    file: File,
    /// A child that is forked has the file, but that tells of its parent.
    process: u32,
}

/// A run of pages, as the kernel writes it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

/// Parameters of `PAGEMAP_SCAN`.
#[repr(C)]
#[derive(Default)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

const PAGEMAP_SCAN: libc::Ioctl = libc::_IOWR::<ScanArguments>(b'f' as u32, 16);
const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;

impl PageMap {
    /// Returns the page map, or `None` when the kernel does not scan it.
    pub(crate) fn open() -> Option<Self> {
        let map = Self {
            file: File::open("/proc/self/pagemap").ok()?,
            process: std::process::id(),
        };
        map.scan(0..0, &mut Vec::new())?;
        Some(map)
    }

    /// Appends the pages of a memory that are there and not the file's that it began with; `None`
    /// when the kernel does not tell all of them. One that was only read as zeros may be among
    /// them.
    pub(super) fn written(&self, memory: &[u8], runs: &mut Vec<Range<usize>>) -> Option<()> {
        if self.process != std::process::id() {
            return None;
        }
        let start = memory.as_ptr().addr();
        self.scan(start..start + memory.len(), runs)
    }

    fn scan(&self, addresses: Range<usize>, runs: &mut Vec<Range<usize>>) -> Option<()> {
        let mut regions = [PageRegion::default(); MAX_RUNS];
        let mut arguments = ScanArguments {
            size: as_u64(size_of::<ScanArguments>()),
            start: as_u64(addresses.start),
            end: as_u64(addresses.end),
            vec: as_u64(regions.as_mut_ptr().expose_provenance()),
            vec_len: as_u64(MAX_RUNS),
            category_inverted: PAGE_IS_FILE,
            category_mask: PAGE_IS_FILE,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            ..ScanArguments::default()
        };
        // SAFETY: the kernel writes to `arguments` and, up to `vec_len`, to `regions`, both of
        // which live on and have its layout; without flags nothing changes at `addresses`.
        let found = unsafe { libc::ioctl(self.file.as_raw_fd(), PAGEMAP_SCAN, &raw mut arguments) };
        let found = usize::try_from(found).ok()?;
        if arguments.walk_end != arguments.end {
            return None;
        }
        for region in regions.get(..found)? {
            let offset = |it: u64| usize::try_from(it).ok()?.checked_sub(addresses.start);
            runs.push(offset(region.start)?..offset(region.end)?);
        }
        Some(())
    }

    /// Returns how many faults this thread has had.
    #[expect(clippy::unused_self, reason = "elsewhere nobody counts")]
    pub(super) fn faults(&self) -> Option<u64> {
        // SAFETY: the struct is of numbers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes to `usage`, which lives on and is of the type it expects.
        let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
        if result != 0 {
            return None;
        }
        let count = usage.ru_minflt.wrapping_add(usage.ru_majflt);
        u64::try_from(count).ok()
    }

    /// Keeps the kernel from making huge pages of a memory by itself: then the thread that writes
    /// to a page first has a fault. Returns whether it will.
    #[expect(clippy::unused_self, reason = "elsewhere nobody counts")]
    pub(super) fn forbid_huge_pages(&self, memory: &mut [u8]) -> bool {
        let (start, len) = (memory.as_mut_ptr(), memory.len());
        // SAFETY: this advice changes no byte, and the range is one that we may write to.
        unsafe { libc::madvise(start.cast(), len, libc::MADV_NOHUGEPAGE) == 0 }
    }
}

const fn as_u64(number: usize) -> u64 {
    number as u64
}
