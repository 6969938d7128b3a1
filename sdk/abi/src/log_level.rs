//! `LogLevel`: the severity of a guest's log line.

use crate::numbered::numbered;

numbered! {
    /// Severity of a log line, least severe first.
    pub enum LogLevel {
        /// Every step.
        Trace = 0,
        /// For developers.
        Debug = 1,
        /// Normal events.
        Info = 2,
        /// Something survived that should not happen.
        Warn = 3,
        /// Something failed.
        Error = 4,
        /// Someone must act.
        Critical = 5,
    }
}

impl LogLevel {
    /// The value `proxy_get_log_level` gives when logging is off; no line can have it.
    pub const OFF: u32 = 6;

    /// Returns the lower-case name Envoy prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}
