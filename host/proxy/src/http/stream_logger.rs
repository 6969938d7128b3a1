//! `StreamLogger`: one access log, whatever hears of its streams.

use std::rc::Rc;

use tollgate_config::AccessLog;

use super::access_log::{AccessLogError, AccessLogger};
use crate::filter::StreamState;
use crate::wasm::{PluginError, PluginHandle, PluginRegistry};
use crate::worker::WorkerContext;

/// Hears of each stream that has ended.
#[derive(Debug)]
pub(crate) enum StreamLogger {
    /// Writes a line.
    Text(AccessLogger),
    /// Calls a plugin.
    Wasm(Rc<PluginHandle>),
}

/// An access log that cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamLoggerError {
    /// Its lines cannot be written.
    #[error(transparent)]
    Text(#[from] AccessLogError),
    /// Its plugin does not start.
    #[error(transparent)]
    Wasm(#[from] PluginError),
}

impl StreamLogger {
    /// Opens a log, or starts its plugin.
    ///
    /// # Errors
    ///
    /// When the log cannot be written or the plugin does not start.
    pub(crate) fn new(
        config: &AccessLog,
        worker: &WorkerContext,
        plugins: &PluginRegistry,
    ) -> Result<Self, StreamLoggerError> {
        Ok(match config {
            AccessLog::Text(text) => Self::Text(worker.access_logs.open(text)?),
            AccessLog::Wasm(plugin) => Self::Wasm(plugins.add(plugin)?),
        })
    }

    /// Logs a stream.
    pub(crate) fn log(&self, state: &Rc<StreamState>) {
        match self {
            Self::Text(logger) => logger.log(state),
            Self::Wasm(plugin) => plugin.log(state),
        }
    }
}
