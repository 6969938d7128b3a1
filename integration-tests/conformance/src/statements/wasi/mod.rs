//! The system interface that guests of common toolchains import.

mod output;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[output::STATEMENTS];
