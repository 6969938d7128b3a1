//! Tests of the allocator's classes and reuse, and of taking over blocks.

use std::alloc::Layout;

use super::{CLASSES, GRANULE, Heap, adopt, allocate, class_of, offer, whole};

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Leaks, as wasm memory does: the heap never gives memory back.
fn grow(bytes: usize) -> *mut u8 {
    // SAFETY: the size is above 0.
    unsafe { std::alloc::alloc(layout(bytes, GRANULE)) }
}

fn no_memory(_bytes: usize) -> *mut u8 {
    std::ptr::null_mut()
}

#[test]
fn a_class_holds_every_size_that_maps_to_it() {
    let mut before = (0, GRANULE);
    for size in 1..100_000 {
        let (class, real) = (class_of(size), whole(size));
        assert!(real >= size && real.is_multiple_of(GRANULE) && class < CLASSES);
        assert!(
            real - size < GRANULE || (real - size) * 4 <= real,
            "{size} wastes too much"
        );
        assert!(
            class == before.0 && real == before.1 || class == before.0 + 1,
            "{size}"
        );
        before = (class, real);
    }
    assert!(class_of(0x3fff_ffff) < CLASSES);
}

#[test]
fn a_block_that_was_given_back_is_taken_again() {
    let heap = Heap::new(grow);
    let first = heap.take(layout(100, 8));
    let second = heap.take(layout(100, 8));
    assert_ne!(first, second);
    for block in [first, second] {
        // SAFETY: it came from this heap with this layout.
        unsafe { heap.give(block, layout(100, 8)) };
    }
    assert_eq!(heap.take(layout(97, 1)), second);
    assert_eq!(heap.take(layout(112, 4)), first);
}

#[test]
fn blocks_do_not_overlap_and_are_aligned() {
    let heap = Heap::new(grow);
    let mut blocks = Vec::new();
    for index in 0..2_000_usize {
        let layout = layout(index * 7 % 3000 + 1, 1 << (index % 8));
        let block = heap.take(layout);
        assert!(block.addr().is_multiple_of(layout.align()));
        // SAFETY: the block is that long.
        unsafe { block.write_bytes(u8::try_from(index % 251).unwrap(), layout.size()) };
        blocks.push((block, layout, u8::try_from(index % 251).unwrap()));
    }
    for (block, layout, byte) in blocks {
        // SAFETY: the block is that long, and all of it was written.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        assert!(bytes.iter().all(|other| *other == byte));
    }
}

#[test]
fn a_large_alignment_is_kept_when_blocks_are_reused() {
    let heap = Heap::new(grow);
    let block = heap.take(layout(128, 16));
    // SAFETY: it came from this heap with this layout.
    unsafe { heap.give(block, layout(128, 16)) };
    for _ in 0..100 {
        let aligned = heap.take(layout(128, 128));
        assert!(aligned.addr().is_multiple_of(128));
    }
}

#[test]
fn without_memory_there_is_no_block() {
    assert!(Heap::new(no_memory).take(layout(1, 1)).is_null());
    assert!(Heap::new(grow).take(layout(usize::MAX / 2, 1)).is_null());
}

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
fn a_short_result_may_lie_where_it_was_offered_a_place() {
    let (start, len) = offer();
    // SAFETY: the place is longer.
    unsafe { start.copy_from_nonoverlapping(b"abc".as_ptr(), 3) };
    for _ in 0..2 {
        assert_eq!(adopt(start, 3).as_deref(), Some(b"abc".as_slice()));
        assert_eq!(offer(), (start, len));
    }
    let longest = adopt(start, len - 1).unwrap();
    assert_eq!(longest.len(), len - 1);
    for untouched in [len, len + 1] {
        assert_eq!(adopt(start, untouched), Some(Vec::new()));
    }
}

#[test]
fn nothing_needs_no_block() {
    assert_eq!(adopt(std::ptr::null_mut(), 0), Some(Vec::new()));
    assert!(allocate(0).is_null());
}
