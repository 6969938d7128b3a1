//! What is wrong with a configuration, and where.

use std::error::Error;
use std::fmt;

/// A value of the configuration that contradicts another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The JSON path of the value, such as `rules[2].limit.burst`.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ConfigFault {
    /// Names the path of the value and what is wrong with it.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Error for ConfigFault {}
