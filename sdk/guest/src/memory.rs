//! Blocks that the host fills: it asks for one inside a hostcall, and the SDK takes it over as a
//! `Vec` without copying.
#![expect(
    unsafe_code,
    reason = "takes over blocks that the host was given by address"
)]

use std::alloc::{Layout, alloc};
use std::cell::Cell;
use std::ptr;

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

thread_local! {
    // INVARIANT: either `NONE`, or a live block of exactly `len` bytes with alignment 1 that
    // `allocate` got from the global allocator and that nothing else owns.
    static LAST: Cell<Block> = const { Cell::new(NONE) };
}

/// Gives the host a block of `size` bytes, or null. A hostcall returns at most one, so only the
/// last one is remembered.
pub fn allocate(size: usize) -> *mut u8 {
    let Ok(layout) = Layout::array::<u8>(size) else {
        return ptr::null_mut();
    };
    if size == 0 {
        return ptr::null_mut();
    }
    // SAFETY: the layout has a size above 0, checked just above.
    let start = unsafe { alloc(layout) };
    LAST.set(if start.is_null() {
        NONE
    } else {
        Block { start, len: size }
    });
    start
}

/// Takes over the block that the host says it filled. `None` when it is not the one it was given:
/// a host that hands out other addresses is answered like a failed call.
pub(crate) fn adopt(start: *mut u8, len: usize) -> Option<Vec<u8>> {
    if len == 0 {
        return Some(Vec::new());
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
mod tests {
    use super::{adopt, allocate};

    #[test]
    fn a_block_is_taken_over_once() {
        let start = allocate(3);
        // SAFETY: three bytes at `start` were just allocated.
        unsafe { start.copy_from_nonoverlapping(b"abc".as_ptr(), 3) };
        assert_eq!(adopt(start, 3).as_deref(), Some(b"abc".as_slice()));
        assert_eq!(adopt(start, 3), None);
    }

    #[test]
    fn a_block_of_another_size_is_refused() {
        let start = allocate(3);
        assert_eq!(adopt(start, 4), None);
        assert_eq!(adopt(start, 3), None);
    }

    #[test]
    fn nothing_needs_no_block() {
        assert_eq!(adopt(std::ptr::null_mut(), 0), Some(Vec::new()));
        assert!(allocate(0).is_null());
    }
}
