//! The driver on a host that a test plays: futures, callouts, chunks and connections.

mod brief;
mod callouts;
mod desk;
mod futures;
mod reading;
