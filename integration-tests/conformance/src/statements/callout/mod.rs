//! Calls that guests make to upstreams over HTTP and gRPC.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
