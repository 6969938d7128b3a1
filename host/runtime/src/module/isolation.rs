//! `Isolation`: how far the harm of a crash reaches.

use std::fmt;
use std::str::FromStr;

/// The custom section in which a module says which isolation it is made for.
pub(crate) const SECTION: &str = "tollgate_isolation";

/// How far the harm of a crash reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// One VM per worker, as in Envoy: a crash ends it with all streams in it.
    Worker,
    /// Each stream has an instance of its own, made from a [`Snapshot`](crate::Snapshot).
    Stream,
}

impl Isolation {
    /// Returns the name that configurations and modules use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Stream => "stream",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no isolation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown isolation {0:?}: it is \"worker\" or \"stream\"")]
pub struct UnknownIsolation(String);

impl FromStr for Isolation {
    type Err = UnknownIsolation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Worker, Self::Stream]
            .into_iter()
            .find(|isolation| isolation.name() == name)
            .ok_or_else(|| UnknownIsolation(name.to_owned()))
    }
}
