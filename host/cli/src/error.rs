//! `CommandError`: why a command cannot do its work, one line for each fault.

use std::error::Error;
use std::fmt;
use std::io;

use tollgate_config::{ConfigError, ConfigErrors, ErrorKind};
use tollgate_proxy::ServerError;

/// What a command ends with when it cannot do its work; only `main` looks at it.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// Never empty, and each without line breaks.
    lines: Vec<String>,
}

impl CommandError {
    /// Returns an error of several faults; `None` when there are none.
    pub(crate) fn from_faults(faults: impl IntoIterator<Item = impl fmt::Display>) -> Option<Self> {
        let lines: Vec<_> = faults
            .into_iter()
            .map(|f| one_line(&f.to_string()))
            .collect();
        (!lines.is_empty()).then_some(Self { lines })
    }

    /// Iterates over the faults.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// Puts the name of a thing, such as a file, before each fault.
    pub(crate) fn about(mut self, thing: impl fmt::Display) -> Self {
        for line in &mut self.lines {
            *line = format!("{thing}: {line}");
        }
        self
    }
}

impl From<String> for CommandError {
    fn from(fault: String) -> Self {
        Self {
            lines: vec![one_line(&fault)],
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        error.to_string().into()
    }
}

impl From<ConfigErrors> for CommandError {
    fn from(errors: ConfigErrors) -> Self {
        let line = |error: &ConfigError| {
            let line = one_line(&error.to_string());
            match error.kind {
                ErrorKind::Unsupported => {
                    format!("{line}; `--ignore-unsupported` goes on without it")
                }
                ErrorKind::Schema | ErrorKind::Semantic => line,
            }
        };
        Self {
            lines: errors.iter().map(line).collect(),
        }
    }
}

impl From<ServerError> for CommandError {
    fn from(error: ServerError) -> Self {
        let text = with_sources(&error);
        // A guest's stack stands in the log, with files and lines.
        let line = text.lines().next().unwrap_or_default();
        match way_out(&error) {
            Some(advice) => format!("{line}; {advice}"),
            None => line.to_owned(),
        }
        .into()
    }
}

/// Returns an error's text and, unless it says so itself, what is below it.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        let reason = below.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        source = below.source();
    }
    text
}

/// Says what helps when an address cannot be bound.
fn way_out(error: &ServerError) -> Option<&'static str> {
    if !matches!(error, ServerError::Bind { .. } | ServerError::Admin(_)) {
        return None;
    }
    let mut source = error.source();
    while let Some(below) = source {
        if let Some(error) = below.downcast_ref::<io::Error>() {
            return advice(error.kind());
        }
        source = below.source();
    }
    None
}

fn advice(kind: io::ErrorKind) -> Option<&'static str> {
    if kind == io::ErrorKind::AddrInUse {
        Some("end the program that has it, or configure another port")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        Some("configure an address that this machine has")
    } else if kind == io::ErrorKind::PermissionDenied {
        Some("ports below 1024 need the right CAP_NET_BIND_SERVICE; configure a higher one")
    } else {
        None
    }
}

/// Joins lines: others' messages, such as those of regular expressions, may have several.
pub(crate) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
