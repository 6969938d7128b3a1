//! Report: collects what the stages find, so that one run names several faults.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{ConfigError, Discovery, ErrorKind};

/// Errors and warnings of one file, and the lines that paths stand on.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    ignore_unsupported: bool,
    lines: RefCell<HashMap<String, usize>>,
    errors: RefCell<Vec<ConfigError>>,
    warnings: RefCell<Vec<ConfigError>>,
    /// Files that are named, so far.
    files: RefCell<Vec<PathBuf>>,
    /// What was looked for in files of its own, so far.
    discoveries: RefCell<Vec<Discovery>>,
}

impl Report {
    pub(crate) fn new(file: &str, ignore_unsupported: bool) -> Self {
        Self {
            file: file.to_owned(),
            ignore_unsupported,
            lines: RefCell::default(),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            files: RefCell::default(),
            discoveries: RefCell::default(),
        }
    }

    /// Reads another file that this one names, and takes over what is found in it.
    pub(crate) fn read_other<T>(&self, file: &Path, read: impl FnOnce(&Self) -> T) -> T {
        let other = Self::new(&file.display().to_string(), self.ignore_unsupported);
        let result = read(&other);
        self.files.borrow_mut().append(&mut other.files.take());
        let (errors, warnings) = other.into_parts();
        self.errors.borrow_mut().extend(errors);
        warnings
            .into_iter()
            .for_each(|warning| self.push_warning(warning));
        result
    }

    /// Remembers files that are named.
    pub(crate) fn note_files(&self, files: Vec<PathBuf>) {
        self.files.borrow_mut().extend(files);
    }

    /// Remembers what was found in a filter's file; filters of one name and file share it.
    pub(crate) fn note_discovery(&self, discovery: Discovery) {
        let mut discoveries = self.discoveries.borrow_mut();
        if !discoveries.contains(&discovery) {
            discoveries.push(discovery);
        }
    }

    /// Returns what was looked for in files of its own.
    pub(crate) fn discoveries(&self) -> Vec<Discovery> {
        self.discoveries.borrow().clone()
    }

    /// Returns the files that were named.
    pub(crate) fn take_files(&self) -> Vec<PathBuf> {
        self.files.take()
    }

    /// Remembers where `path` is written.
    pub(crate) fn set_line(&self, path: &str, line: usize) {
        self.lines.borrow_mut().insert(path.to_owned(), line);
    }

    /// Returns the line of `path`, or of the nearest field around it.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        let lines = self.lines.borrow();
        let mut path = path;
        loop {
            if let Some(line) = lines.get(path) {
                return Some(*line);
            }
            let end = path.rfind(['.', '['])?;
            path = path.get(..end)?;
        }
    }

    /// Adds an error about `path`.
    pub(crate) fn error(&self, kind: ErrorKind, path: &str, reason: impl Into<String>) {
        self.errors
            .borrow_mut()
            .push(self.entry(kind, self.line(path), path, reason.into()));
    }

    /// Adds an error about a line that no path leads to.
    pub(crate) fn error_at(&self, line: usize, path: &str, reason: impl Into<String>) {
        let error = self.entry(ErrorKind::Schema, Some(line), path, reason.into());
        self.errors.borrow_mut().push(error);
    }

    /// Adds something valid that is not implemented: an error, or a warning on request.
    pub(crate) fn unsupported(&self, path: &str, what: &str) {
        self.push_unsupported(
            path,
            format!("valid Envoy, not supported by Tollgate: {what}"),
        );
    }

    /// Adds a message type that is in no descriptor here, and so can be neither checked nor used.
    pub(crate) fn unknown_type(&self, path: &str, name: &str, hint: &str) {
        let reason = format!("{name} is not in Tollgate's set of Envoy messages{hint}");
        self.push_unsupported(path, reason);
    }

    /// Adds a warning that something is missing from the result, if that has not stopped it anyway.
    pub(crate) fn left_out(&self, path: &str) {
        if self.ignore_unsupported {
            self.warning(
                path,
                "left out, for something in it is not supported by Tollgate",
            );
        }
    }

    fn push_unsupported(&self, path: &str, reason: String) {
        let entry = self.entry(ErrorKind::Unsupported, self.line(path), path, reason);
        if self.ignore_unsupported {
            self.push_warning(entry);
        } else {
            self.errors.borrow_mut().push(entry);
        }
    }

    /// Adds a warning about `path`.
    pub(crate) fn warning(&self, path: &str, reason: impl Into<String>) {
        let kind = ErrorKind::Unsupported;
        self.push_warning(self.entry(kind, self.line(path), path, reason.into()));
    }

    /// Adds a warning about a line that no path leads to.
    pub(crate) fn warning_at(&self, line: usize, reason: impl Into<String>) {
        self.push_warning(self.entry(ErrorKind::Schema, Some(line), "", reason.into()));
    }

    /// Whether a later stage would work on values that are not there.
    pub(crate) fn has_schema_errors(&self) -> bool {
        self.errors
            .borrow()
            .iter()
            .any(|error| error.kind == ErrorKind::Schema)
    }

    /// Whether there is any error.
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    /// Whether something at or below `path` has been reported already.
    pub(crate) fn has_entry_within(&self, path: &str) -> bool {
        let (errors, warnings) = (self.errors.borrow(), self.warnings.borrow());
        errors
            .iter()
            .chain(warnings.iter())
            .any(|entry| is_within(&entry.path, path))
    }

    /// Whether an error about just this path has been reported.
    pub(crate) fn has_error(&self, path: &str) -> bool {
        self.errors.borrow().iter().any(|error| error.path == path)
    }

    /// Returns errors and warnings in the order of the file.
    pub(crate) fn into_parts(self) -> (Vec<ConfigError>, Vec<ConfigError>) {
        let (mut errors, mut warnings) = (self.errors.into_inner(), self.warnings.into_inner());
        errors.sort_by_key(|error| error.line);
        errors.dedup();
        warnings.sort_by_key(|warning| warning.line);
        (errors, warnings)
    }

    fn push_warning(&self, warning: ConfigError) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn entry(
        &self,
        kind: ErrorKind,
        line: Option<usize>,
        path: &str,
        reason: String,
    ) -> ConfigError {
        ConfigError {
            file: self.file.clone(),
            line,
            path: path.to_owned(),
            reason,
            kind,
        }
    }
}

fn is_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
