//! A filter of the SDK on a host that answers anything: statuses, bytes, callbacks in callbacks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_fuzz::guest;

fuzz_target!(|bytes: &[u8]| guest::play(bytes));
