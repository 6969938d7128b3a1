//! rules

use crate::view::View;

pub(crate) fn check(_view: &View<'_>) {}
