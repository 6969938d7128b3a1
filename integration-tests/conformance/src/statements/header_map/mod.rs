//! What guests read and write of headers and trailers.

mod value;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[value::STATEMENTS];
