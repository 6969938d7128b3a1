//! The hostile guest's world: one guest that does what bytes tell it, and an embedder that
//! delivers events as other bytes tell it. Nothing is compiled for an input.

mod callouts;
mod driver;
mod guest;
mod services;
mod stream;
mod strings;

pub use driver::run;
pub(crate) use services::Services;
pub(crate) use stream::Stream;
