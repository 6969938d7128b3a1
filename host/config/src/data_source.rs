//! `DataSource`: where bytes come from.

use std::path::PathBuf;

use bytes::Bytes;

/// `envoy.config.core.v3.DataSource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSource {
    /// A file, relative to the working directory as in Envoy.
    File(PathBuf),
    /// Bytes in the configuration itself.
    Inline(Bytes),
    /// An environment variable.
    EnvironmentVariable(String),
}
