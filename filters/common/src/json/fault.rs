//! What is wrong in a configuration.

use std::fmt;

use tollgate::ConfigError;

/// A [`ConfigError`] as thin as a pointer: every field of every configuration hands it on, which
/// with a thick one was a tenth of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<ConfigError>);

impl Fault {
    /// Names the value at `path` and what is wrong with it.
    #[must_use]
    pub fn at(path: String, reason: &str) -> Self {
        Self(Box::new(ConfigError::at(path, reason)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        *fault.0
    }
}
