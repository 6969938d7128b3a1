//! Foreign functions: expressions, zlib streams, keys and signatures, protobuf messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_fuzz::foreign;

fuzz_target!(|bytes: &[u8]| foreign::run(bytes));
