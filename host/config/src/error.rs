//! `ConfigError`: what is wrong with a file, and exactly where.

use std::fmt;

use crate::Discovery;

/// Everything that is wrong with one file; never empty. Displayed one line each.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    discoveries: Vec<Discovery>,
}

/// One fault, or one warning, displayed as `file:line path: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as it was named.
    pub file: String,
    /// Line, counted from 1, when the fault has one.
    pub line: Option<usize>,
    /// Path of the field with Envoy's names; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub reason: String,
    /// Which stage found it.
    pub kind: ErrorKind,
}

/// The stage that found a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Not YAML, or not Envoy's schema.
    Schema,
    /// Valid for Envoy, but Tollgate does not implement it.
    Unsupported,
    /// Well-formed, but Envoy would refuse the meaning.
    Semantic,
}

impl ConfigErrors {
    /// Returns `None` for no errors at all.
    pub(crate) fn from_list(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self {
            errors,
            discoveries: Vec::new(),
        })
    }

    /// Returns the errors with what was found in filters' files before they stopped the rest.
    pub(crate) fn after(self, discoveries: Vec<Discovery>) -> Self {
        Self {
            discoveries,
            ..self
        }
    }

    /// Iterates in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }

    /// Returns the filters' files that were read meanwhile, good and bad.
    #[must_use]
    pub fn discoveries(&self) -> &[Discovery] {
        &self.discoveries
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self {
            errors: vec![error],
            discoveries: Vec::new(),
        }
    }
}

impl IntoIterator for ConfigErrors {
    type Item = ConfigError;
    type IntoIter = std::vec::IntoIter<ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ConfigErrors {}
impl std::error::Error for ConfigError {}
