//! What guests read and write of bodies and other buffers.

mod editing;
mod holding;
mod reading;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    editing::STATEMENTS,
    holding::STATEMENTS,
    reading::STATEMENTS,
];
