//! When contexts are made, told and dropped.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
