//! Which modules a host takes, and what it runs first.

mod version;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[version::STATEMENTS];
