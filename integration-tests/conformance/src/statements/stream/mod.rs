//! Pausing, continuing, closing, and answering in place of the upstream.

mod answering;
mod closing;
mod interrupting;
mod pausing;
mod resuming;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    answering::STATEMENTS,
    closing::STATEMENTS,
    interrupting::STATEMENTS,
    pausing::STATEMENTS,
    resuming::STATEMENTS,
];
