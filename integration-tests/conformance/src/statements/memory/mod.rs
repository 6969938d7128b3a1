//! How bytes and maps get into and out of a guest's memory.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
