//! The vocabulary that the filters of `filters/` share, so that a word means one thing in all of
//! them: which requests a rule is for, where a value is found, how long a duration is.
//!
//! The types check themselves while they are read from JSON: a value that exists is valid, and a
//! value that is not is refused with the path at which it stands.

#![forbid(unsafe_code)]

pub mod body;
pub mod cookie;
mod duration;
mod exchange;
pub mod identity;
pub mod json;
mod matching;
mod name;
pub mod path;
pub mod percent;
pub mod query;
mod request;
mod template;

pub use body::BodyKind;
pub use duration::Period;
pub use json::FromJson;
pub use matching::{HeaderMatch, HostPattern, LiteralPath, Match, PathMatch};
pub use name::{HeaderName, Token};
pub use request::{Request, RequestHead};
pub use template::Template;
