//! `ReloadError`: why the configuration that is served stays.

use super::GenerationId;
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
    /// It was served for a moment; what was served before is served again.
    #[error(
        "generation {generation} was taken back: {faults} faults in {streams} streams; generation \
         {served} serves again"
    )]
    TakenBack {
        /// The generation that was taken back.
        generation: GenerationId,
        /// Faults of its plugins.
        faults: u64,
        /// Streams it has served.
        streams: u64,
        /// The generation that is served.
        served: GenerationId,
    },
    /// The server is ending.
    #[error("the server is ending")]
    Ending,
    /// The server was not told where to read its configuration from.
    #[error("there are no files to read again")]
    NoSource,
}
