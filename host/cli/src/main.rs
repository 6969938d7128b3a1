//! The `tollgate` program.
#![forbid(unsafe_code)]

fn main() {}
