//! When contexts are made, told and dropped.

mod access_logger;
mod contexts;
mod roots;
mod start;
mod streams;
mod timers;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    access_logger::STATEMENTS,
    start::STATEMENTS,
    contexts::STATEMENTS,
    streams::STATEMENTS,
    roots::STATEMENTS,
    timers::STATEMENTS,
];
