//! What guests read and write of bodies and other buffers.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
