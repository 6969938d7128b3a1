//! What becomes of requests when a guest fails, and what a guest may be forbidden.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
