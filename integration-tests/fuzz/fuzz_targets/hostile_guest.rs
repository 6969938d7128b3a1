//! A guest that makes every hostcall in every callback with any arguments, under an embedder that
//! delivers any events in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_fuzz::hostile;

fuzz_target!(|bytes: &[u8]| hostile::run(bytes));
