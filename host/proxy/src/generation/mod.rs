//! Generations: a configuration as it is served, from its check to the end of its last stream.
//!
//! The one decision to know: a generation is prepared beside the one that is served and then
//! published by one pointer store on each worker. A stream takes what is published when it starts
//! and keeps it, so no stream sees two of them, and whatever fails before leaves nothing behind.

mod command;
mod controller;
mod deployment;
mod discoveries;
mod error;
mod fingerprint;
mod id;
mod probation;
mod published;
mod record;
mod reloads;
mod report;
mod serving;
mod streams;
mod watch;

pub(crate) use command::{Command, Sockets};
pub use controller::Configuration;
pub(crate) use controller::{Controller, Worker};
pub(crate) use deployment::Deployment;
pub use error::ReloadError;
pub use id::GenerationId;
pub(crate) use published::Published;
pub(crate) use record::{Generation, Generations};
pub use reloads::ConfigurationSource;
pub(crate) use reloads::{Attempt, Reloads, Trigger};
pub use report::{Changes, ReloadReport};
pub(crate) use serving::{Materials, Role, Serving};
pub(crate) use streams::{CountedStream, WorkerStreams};
