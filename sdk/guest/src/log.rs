//! Log lines of a filter, and the report of a panic.
//!
//! ```
//! use tollgate::log;
//!
//! log::info!("limit {} reached", 10);
//! ```

use std::fmt;

pub use tollgate_abi::LogLevel;

use crate::sys;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace,
    __log_warn as warn,
};

/// Returns whether the host prints lines of this level now.
#[must_use]
pub fn enabled(level: LogLevel) -> bool {
    level.to_u32() >= sys::log_level()
}

/// Logs a line, if the host prints its level. The macros of this module call it.
#[inline]
pub fn write(level: LogLevel, message: fmt::Arguments<'_>) {
    match message.as_str() {
        // Text without arguments needs no formatter, and the host drops it if it is not wanted.
        Some(text) => sys::log(level, text.as_bytes()),
        None => format(level, message),
    }
}

fn format(level: LogLevel, message: fmt::Arguments<'_>) {
    if enabled(level) {
        sys::log(level, message.to_string().as_bytes());
    }
}

/// Logs bytes as they are.
pub fn write_bytes(level: LogLevel, message: &[u8]) {
    sys::log(level, message);
}

/// Logs a line for someone who looks at every step.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::LogLevel::Trace, ::core::format_args!($($message)+))
    };
}

/// Logs a line for developers.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::LogLevel::Debug, ::core::format_args!($($message)+))
    };
}

/// Logs a normal event.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::LogLevel::Info, ::core::format_args!($($message)+))
    };
}

/// Logs something survived that should not happen.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::LogLevel::Warn, ::core::format_args!($($message)+))
    };
}

/// Logs something that failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::LogLevel::Error, ::core::format_args!($($message)+))
    };
}
