//! What guests read and write of headers and trailers.

mod availability;
mod changes;
mod reading;
mod trailers;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    availability::STATEMENTS,
    changes::STATEMENTS,
    reading::STATEMENTS,
    trailers::STATEMENTS,
];
