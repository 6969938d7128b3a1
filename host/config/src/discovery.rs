//! Discovery: filters whose configuration is in a file of its own (ECDS).

use std::path::PathBuf;

use serde_json::Value;

use crate::file::FileStamp;

/// A filter's file as it was found.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The filter's name.
    pub filter: String,
    /// The file.
    pub file: PathBuf,
    /// Which file it was.
    pub stamp: FileStamp,
    /// What was in it.
    pub found: Result<DiscoveredFilter, DiscoveryRefusal>,
}

/// What a filter is.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscoveredFilter {
    /// `version_info` of the file.
    pub version: String,
    /// The `TypedExtensionConfig` as JSON, without secrets.
    pub resource: Value,
}

/// Why a file is not taken up, as Envoy tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoveryRefusal {
    /// It cannot be read as a `DiscoveryResponse`.
    Unreadable,
    /// What it says cannot be the filter.
    Rejected,
}

impl PartialEq for Discovery {
    /// Compares what is configured: a file that its like has replaced is as it was.
    fn eq(&self, other: &Self) -> bool {
        (&self.filter, &self.file, &self.found) == (&other.filter, &other.file, &other.found)
    }
}
