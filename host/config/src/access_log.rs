//! `AccessLog`: where a line about each finished stream goes, and what is in it.

use std::path::PathBuf;

/// One access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
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
