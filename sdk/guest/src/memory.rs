//! The module's memory: a small allocator, and blocks that the host fills.
//!
//! A filter allocates little, in few sizes, again and again. Blocks are therefore kept in lists by
//! size class and reused as they are: taking and giving back cost a few instructions, and the
//! whole is a tenth of the standard allocator's code. Memory that was needed once stays with the
//! module, which it does with every allocator, as wasm memory cannot shrink.
#![expect(
    unsafe_code,
    reason = "hands out memory, and takes over blocks given by address"
)]

#[cfg(target_arch = "wasm32")]
use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::cell::Cell;
use std::ptr;

use crate::module_static::module_static;

/// Blocks are multiples of this and aligned to it.
const GRANULE: usize = 16;

/// Classes 0 to 3 are 16 to 64 bytes; then each doubling has four.
const CLASSES: usize = 128;

/// What memory is asked for at once, at least; one page of wasm.
const PAGE: usize = 65_536;

/// A free block: its first word is the address of the next one.
type Free = *mut u8;

/// Memory in size classes. `grow` gets more of it: at least so many bytes, or null.
pub(crate) struct Heap {
    // INVARIANT: every address in a list, and every address that a listed block holds, is null or
    // that of an unused block of the list's class, which nothing else refers to.
    free: [Cell<Free>; CLASSES],
    // INVARIANT: `rest` bytes from `next` on are unused, and `next` is a multiple of `GRANULE`.
    next: Cell<*mut u8>,
    rest: Cell<usize>,
    grow: fn(usize) -> *mut u8,
}

/// The class of blocks of `size` bytes.
const fn class_of(size: usize) -> usize {
    let last = size.wrapping_sub(1);
    if last < 4 * GRANULE {
        return last / GRANULE;
    }
    let log = last.ilog2() as usize;
    let quarter = last >> (log - 2);
    (log - 5) * 4 + (quarter & 3)
}

/// The size that blocks of `size` bytes really have.
const fn whole(size: usize) -> usize {
    let last = size.wrapping_sub(1);
    if last < 4 * GRANULE {
        return (last / GRANULE + 1) * GRANULE;
    }
    let step = last.ilog2() - 2;
    ((last >> step) + 1) << step
}

/// How many bytes after `start` the next address with this alignment is.
fn padding(start: *mut u8, align: usize) -> usize {
    // Alignments are powers of two.
    start.addr().wrapping_neg() & (align - 1)
}

impl Heap {
    pub(crate) const fn new(grow: fn(usize) -> *mut u8) -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            next: Cell::new(ptr::null_mut()),
            rest: Cell::new(0),
            grow,
        }
    }

    /// Returns an unused block, or null.
    pub(crate) fn take(&self, layout: Layout) -> *mut u8 {
        let Some(list) = self.free.get(class_of(layout.size()) % CLASSES) else {
            return ptr::null_mut();
        };
        let block = list.get();
        let is_aligned = layout.align() <= GRANULE || padding(block, layout.align()) == 0;
        if block.is_null() || !is_aligned {
            return self.carve(layout.size(), layout.align());
        }
        // SAFETY: by the invariant of `free` the block is unused and its first word is the next
        // address; it is at least 16 bytes long and aligned to 16.
        list.set(unsafe { block.cast::<Free>().read() });
        block
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` came from [`take`](Self::take) of this heap with this layout's size, and is unused.
    pub(crate) unsafe fn give(&self, block: *mut u8, layout: Layout) {
        if layout.size() <= 4 * GRANULE {
            // SAFETY: the caller says what is asked for.
            unsafe { self.list(block, layout) };
        } else {
            // SAFETY: the same.
            unsafe { self.give_large(block, layout) };
        }
    }

    /// Apart, as most places of a module that give memory back know no size, but few have a large one.
    ///
    /// # Safety
    ///
    /// As for [`give`](Self::give).
    #[inline(never)]
    unsafe fn give_large(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller says what is asked for.
        unsafe { self.list(block, layout) };
    }

    /// Puts a block into the list of its class.
    ///
    /// # Safety
    ///
    /// As for [`give`](Self::give).
    #[inline(always)]
    unsafe fn list(&self, block: *mut u8, layout: Layout) {
        let Some(list) = self.free.get(class_of(layout.size()) % CLASSES) else {
            return;
        };
        // SAFETY: the block is unused, at least 16 bytes long and aligned to 16.
        unsafe { block.cast::<Free>().write(list.get()) };
        list.set(block);
    }

    /// Cuts a block off the unused memory, and gets more memory when it does not suffice; null
    /// when that is beyond what memory can hold.
    #[cold]
    #[inline(never)]
    fn carve(&self, size: usize, align: usize) -> *mut u8 {
        if size > usize::MAX / 4 {
            return ptr::null_mut();
        }
        let size = whole(size);
        // The start is aligned to a granule, and to more only for the rare larger alignment.
        // No sum overflows: a size is at most a third of all addresses, an alignment half of them.
        if self.rest.get() < size + align {
            let wanted = (size + align + PAGE - 1) & !(PAGE - 1);
            let start = (self.grow)(wanted);
            if start.is_null() {
                return start;
            }
            // What was left is given up: hardly more than the block that did not fit.
            self.next.set(start);
            self.rest.set(wanted);
        }
        let skipped = padding(self.next.get(), align);
        let block = self.next.get().wrapping_add(skipped);
        self.next.set(block.wrapping_add(size));
        self.rest.set(self.rest.get() - skipped - size);
        block
    }
}

/// A static of a module.
#[cfg(target_arch = "wasm32")]
pub(crate) struct ModuleStatic<T>(T);

// SAFETY: a Proxy-Wasm host runs a module on one thread, and without the feature `atomics` the
// module could not share its memory with another one.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
unsafe impl<T> Sync for ModuleStatic<T> {}

#[cfg(target_arch = "wasm32")]
impl<T> ModuleStatic<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    pub(crate) fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0)
    }
}

#[cfg(target_arch = "wasm32")]
impl<T> ModuleStatic<Cell<T>> {
    pub(crate) fn set(&self, value: T) {
        self.0.set(value);
    }

    pub(crate) const fn replace(&self, value: T) -> T {
        self.0.replace(value)
    }

    pub(crate) fn take(&self) -> T
    where
        T: Default,
    {
        self.0.take()
    }

    pub(crate) const fn get(&self) -> T
    where
        T: Copy,
    {
        self.0.get()
    }
}

/// The allocator of a module made by `plugins!`.
#[cfg(target_arch = "wasm32")]
#[derive(Debug)]
#[non_exhaustive]
pub struct Allocator;

#[cfg(target_arch = "wasm32")]
impl Allocator {
    /// The allocator; its state is the thread's, and a module has one thread.
    #[expect(clippy::new_without_default, reason = "made once, by plugins!")]
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[cfg(target_arch = "wasm32")]
module_static! {
    static HEAP: Heap = Heap::new(grow_memory);
}

#[cfg(target_arch = "wasm32")]
fn grow_memory(bytes: usize) -> *mut u8 {
    let old_pages = core::arch::wasm32::memory_grow::<0>(bytes / PAGE);
    match old_pages.checked_mul(PAGE) {
        Some(start) if old_pages != usize::MAX => ptr::with_exposed_provenance_mut(start),
        _ => ptr::null_mut(),
    }
}

// SAFETY: a block that `Heap::take` returns is unused, large enough and aligned, and stays so
// until it is given back; a module has one thread, and `HEAP` is that thread's.
#[cfg(target_arch = "wasm32")]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.with(|heap| heap.take(layout))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back what it got from `alloc` with this layout.
        HEAP.with(|heap| unsafe { heap.give(block, layout) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(larger) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let moved = HEAP.with(|heap| heap.take(larger));
        if moved.is_null() {
            return moved;
        }
        // SAFETY: both blocks hold at least the smaller of the two sizes, and they are not the
        // same block, as the old one is in use.
        unsafe { block.copy_to_nonoverlapping(moved, layout.size().min(size)) };
        // SAFETY: the caller gives up what it got from `alloc` with this layout.
        HEAP.with(|heap| unsafe { heap.give(block, layout) });
        moved
    }
}

/// The block the host asked for last and that nobody took over yet.
#[derive(Clone, Copy)]
struct Block {
    start: *mut u8,
    len: usize,
}

const NONE: Block = Block {
    start: ptr::null_mut(),
    len: 0,
};

module_static! {
    // INVARIANT: either `NONE`, or a live block of exactly `len` bytes with alignment 1 that
    // `allocate` got from the global allocator and that nothing else owns.
    static LAST: Cell<Block> = Cell::new(NONE);
}

/// Gives the host a block of `size` bytes, or null. A hostcall returns at most one, so only the
/// last one is remembered.
#[cfg_attr(
    test,
    expect(unreachable_pub, reason = "public for the macro in a module")
)]
pub fn allocate(size: usize) -> *mut u8 {
    let Ok(layout) = Layout::array::<u8>(size) else {
        return ptr::null_mut();
    };
    if size == 0 {
        return ptr::null_mut();
    }
    // SAFETY: the layout has a size above 0, checked just above.
    let start = unsafe { std::alloc::alloc(layout) };
    LAST.set(if start.is_null() {
        NONE
    } else {
        Block { start, len: size }
    });
    start
}

/// How long a result may be that the host writes to a place it is offered. Most values of headers and
/// properties are shorter.
const OFFERED: usize = 128;

module_static! {
    static OFFER: Cell<[u8; OFFERED]> = Cell::new([0; OFFERED]);
}

/// Returns the place where the host may write a result instead of asking for a block, and how long
/// it is.
pub(crate) fn offer() -> (*mut u8, usize) {
    (OFFER.with(|place| place.as_ptr().cast()), OFFERED)
}

/// Copies what the host has written there. A length that is still that of the place is that of a host
/// which has written nothing.
fn offered(len: usize) -> Vec<u8> {
    OFFER.with(|place| {
        // SAFETY: the host writes during hostcalls alone, and nobody else does.
        let bytes = unsafe { &*place.as_ptr() };
        let written = bytes.get(..len).filter(|_| len < OFFERED);
        written.unwrap_or_default().to_vec()
    })
}

/// Takes over the block that the host says it filled, or copies what lies in the place that it was
/// offered. `None` when it is neither: a host that hands out other addresses is answered like a failed
/// call.
pub(crate) fn adopt(start: *mut u8, len: usize) -> Option<Vec<u8>> {
    if len == 0 {
        return Some(Vec::new());
    }
    if start == offer().0 {
        return Some(offered(len));
    }
    let last = LAST.replace(NONE);
    if last.start != start || last.len != len {
        return None;
    }
    // SAFETY: by the invariant of `LAST` the block is live, has this size and alignment, and no
    // other owner; the cell was emptied above, so nobody can take it a second time. The host
    // wrote all `len` bytes before it reported them.
    Some(unsafe { Vec::from_raw_parts(start, len, len) })
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
