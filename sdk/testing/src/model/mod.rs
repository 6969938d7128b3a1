//! The model: a proxy's side of a filter, in memory and with its own time.

mod callouts;
mod connection;
mod filter_state;
mod grpc;
mod metrics;
mod schedule;
mod stream;
mod table;
mod worker;
mod world;

pub(crate) use connection::Connection;
pub(crate) use filter_state::FilterState;
pub(crate) use metrics::Reading;
pub(crate) use schedule::{GrpcDelivery, Happening};
pub(crate) use stream::{Side, Stream};
pub(crate) use table::Table;
pub(crate) use worker::Worker;
pub(crate) use world::{World, nanos};
