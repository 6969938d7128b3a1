//! `ReloadError`: why the configuration that is served stays.

use crate::error::ServerError;

/// Why a reload has changed nothing. What was served before is served still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The files are refused.
    #[error("{}", .0.join("; "))]
    Configuration(
        /// One line for each fault.
        Vec<String>,
    ),
    /// What they configure cannot be served.
    #[error(transparent)]
    Refused(#[from] ServerError),
    /// The server is ending.
    #[error("the server is ending")]
    Ending,
    /// The server was not told where to read its configuration from.
    #[error("there are no files to read again")]
    NoSource,
}
