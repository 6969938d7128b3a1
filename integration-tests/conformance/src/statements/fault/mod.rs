//! What a crash does, and what a plugin may not do.

mod capability;
mod policy;
mod reload;
mod start;
mod vm;

use crate::guest::{guest, on_request_headers};
use crate::plugin::Plugin;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    policy::STATEMENTS,
    reload::STATEMENTS,
    vm::STATEMENTS,
    capability::STATEMENTS,
    start::STATEMENTS,
];

/// Why what comes after a crash is not the same.
const REPLACED: &str = "a crash ends a VM and not the service: the next request has a new VM, so \
     that nothing passes unfiltered and nothing fails for another's crash";

/// Reports the stream's id, and crashes at requests with the header `x-crash`.
fn crashing(more: &str) -> Plugin {
    let body = r#"(call $report @"called" (local.get $id))
    (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) @"x-crash"
        (i32.const 0x100) (i32.const 0x104)))
      (then (unreachable)))"#;
    Plugin::wat(guest(&(on_request_headers(body, 0) + more)))
}
