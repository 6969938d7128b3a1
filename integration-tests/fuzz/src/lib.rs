//! What the fuzz targets have in common: numbers out of bytes, and the hostile guest's world.
#![forbid(unsafe_code)]

pub mod foreign;
pub mod hostile;
mod source;

pub use source::Source;
