//! What the fuzz targets have in common: numbers out of bytes, the hostile guest's world, and a
//! filter's hostile host.
#![forbid(unsafe_code)]

pub mod foreign;
pub mod guest;
pub mod hostile;
mod source;

pub use source::Source;
