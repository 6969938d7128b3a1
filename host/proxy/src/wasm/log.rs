//! Guests' log lines in Envoy's shape, under the target `wasm`.

use tollgate_runtime::LogOrigin;
use tollgate_runtime::abi::LogLevel;
use tracing::Level;

/// Writes a line. Bytes that are not text are replaced.
pub(super) fn write(origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
    let message = String::from_utf8_lossy(message);
    match level {
        LogLevel::Trace => tracing::trace!(target: "wasm", "wasm log{origin}: {message}"),
        LogLevel::Debug => tracing::debug!(target: "wasm", "wasm log{origin}: {message}"),
        LogLevel::Info => tracing::info!(target: "wasm", "wasm log{origin}: {message}"),
        LogLevel::Warn => tracing::warn!(target: "wasm", "wasm log{origin}: {message}"),
        LogLevel::Error | LogLevel::Critical => {
            tracing::error!(target: "wasm", "wasm log{origin}: {message}");
        }
    }
}

/// Returns the least severe level that is written.
pub(super) fn level() -> Option<LogLevel> {
    if tracing::enabled!(target: "wasm", Level::TRACE) {
        Some(LogLevel::Trace)
    } else if tracing::enabled!(target: "wasm", Level::DEBUG) {
        Some(LogLevel::Debug)
    } else if tracing::enabled!(target: "wasm", Level::INFO) {
        Some(LogLevel::Info)
    } else if tracing::enabled!(target: "wasm", Level::WARN) {
        Some(LogLevel::Warn)
    } else if tracing::enabled!(target: "wasm", Level::ERROR) {
        Some(LogLevel::Error)
    } else {
        None
    }
}
