//! Error: a hostcall that did not answer `Ok`. Statuses are data; an unknown one is kept.

use std::fmt;

use tollgate_abi::{LogLevel, Status};

use crate::panic::Line;

/// A hostcall was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    call: &'static str,
    status: u32,
}

impl Error {
    /// Describes a refused call by its ABI name and the number the host answered.
    #[must_use]
    pub const fn new(call: &'static str, status: u32) -> Self {
        Self { call, status }
    }

    /// Returns the ABI name of the call.
    #[must_use]
    pub const fn call(&self) -> &'static str {
        self.call
    }

    /// Returns the status, or `None` for a number that this version of the ABI does not know.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        Status::try_from(self.status).ok()
    }

    /// Returns the number the host answered.
    #[must_use]
    pub const fn status_code(&self) -> u32 {
        self.status
    }

    /// Logs the refusal without the formatter, which a small filter may otherwise not need.
    #[cold]
    pub(crate) fn warn(&self) {
        let mut line = Line::new();
        self.write(&mut line);
        crate::log::write_bytes(LogLevel::Warn, line.as_bytes());
    }

    pub(crate) fn write(&self, line: &mut Line) {
        line.push(self.call.as_bytes());
        line.push(b": status ");
        line.push_number(self.status);
    }

    pub(crate) fn is(&self, status: Status) -> bool {
        self.status == status.to_u32()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status() {
            Some(status) => write!(f, "{}: {status}", self.call),
            None => write!(f, "{}: unknown status {}", self.call, self.status),
        }
    }
}

impl std::error::Error for Error {}

/// Turns "there is none" into `None` and leaves other refusals.
pub(crate) fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is(Status::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
