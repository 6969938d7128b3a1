//! Guests between a TCP client and its upstream.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
