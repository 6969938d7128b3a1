//! The model: a proxy's side of a filter, in memory and with its own time.

mod stream;
mod table;
mod world;

pub(crate) use stream::Stream;
pub(crate) use table::Table;
pub(crate) use world::{Happening, World, nanos};
