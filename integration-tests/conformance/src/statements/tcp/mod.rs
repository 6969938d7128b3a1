//! Guests between a TCP client and its upstream.

mod connection;
mod data;

use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[connection::STATEMENTS, data::STATEMENTS];
