//! Pausing, continuing, closing, and answering in place of the upstream.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
