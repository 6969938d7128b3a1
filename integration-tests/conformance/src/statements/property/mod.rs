//! What guests ask about streams, plugins and the host.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
