//! `AccessLog`: who hears of each finished stream.

use std::path::PathBuf;

use crate::PluginConfig;

/// One access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// A line is written.
    Text(TextAccessLog),
    /// A plugin's `proxy_on_log` is called (`envoy.access_loggers.wasm`).
    Wasm(Box<PluginConfig>),
}

/// Where a line about each finished stream goes, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextAccessLog {
    /// Where lines go.
    pub sink: AccessLogSink,
    /// Format with Envoy's `%COMMAND%` operators, newline included; `None` for Envoy's default.
    pub format: Option<String>,
}

/// Where an access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogSink {
    /// A file, opened for appending.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
