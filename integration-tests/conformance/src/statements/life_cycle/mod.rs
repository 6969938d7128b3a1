//! When contexts are made, told and dropped.

mod contexts;
mod roots;
mod start;
mod streams;
mod timers;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    start::STATEMENTS,
    contexts::STATEMENTS,
    streams::STATEMENTS,
    roots::STATEMENTS,
    timers::STATEMENTS,
];
