//! What VMs and streams share: data, queues, metrics, the log, foreign functions.

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[];
