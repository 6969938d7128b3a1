//! What a request leaves behind in the memory of a VM.

use crate::support::{on_request_headers, start};

/// A stack from 64 to 128 KiB, static data below it, and a request that writes to `address`.
fn pages_changed_by_a_write_to(address: u32) -> [usize; 2] {
    let mut plugin = start(&format!(
        r#"(global $stack (mut i32) (i32.const 0x20000))
           (data (i32.const 0x2000) "static")
           {}"#,
        on_request_headers(&format!(
            "(i32.store (i32.const {address})
               (i32.add (i32.load (i32.const {address})) (i32.const 1)))"
        ))
    ));
    [0, 1].map(|_| {
        let before = plugin.vm.mark_memory();
        plugin.request(&[]);
        plugin.vm.pages_changed_since(&before)
    })
}

#[test]
fn what_a_request_keeps_is_seen() {
    assert_eq!(pages_changed_by_a_write_to(0x2000), [1, 1], "static data");
    assert_eq!(pages_changed_by_a_write_to(0x30000), [1, 1], "the heap");
}

#[test]
fn the_stack_does_not_count() {
    assert_eq!(pages_changed_by_a_write_to(0x1fff0), [0, 0]);
}

#[test]
fn memory_that_a_request_has_grown_counts() {
    let mut plugin = start(&on_request_headers("(drop (memory.grow (i32.const 1)))"));
    let before = plugin.vm.mark_memory();
    plugin.request(&[]);
    assert_eq!(plugin.vm.pages_changed_since(&before), 16);
}
