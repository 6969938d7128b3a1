//! `StreamLogger`: one access log of a connection manager, whatever hears of its streams.

use std::rc::Rc;

use tollgate_config::AccessLog;

use super::access_log::AccessLogger;
use super::manager::ManagerError;
use crate::filter::StreamState;
use crate::wasm::{PluginHandle, PluginRegistry};
use crate::worker::WorkerContext;

/// Hears of each stream that has ended.
#[derive(Debug)]
pub(crate) enum StreamLogger {
    /// Writes a line.
    Text(AccessLogger),
    /// Calls a plugin.
    Wasm(Rc<PluginHandle>),
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
    ) -> Result<Self, ManagerError> {
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
