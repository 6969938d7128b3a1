//! The system interface that guests of common toolchains import.

mod clock;
mod environment;
mod file;
mod output;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    output::STATEMENTS,
    environment::STATEMENTS,
    clock::STATEMENTS,
    file::STATEMENTS,
];
