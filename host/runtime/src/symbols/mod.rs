//! Symbols: from the frames of a guest's stack to functions, files and lines.
//!
//! Reading DWARF takes milliseconds, so that nothing here runs while a request waits: an embedder
//! keeps one [`Symbols`] for each module on a thread of its own.

mod demangle;
mod dwarf;
mod fingerprint;
mod layout;
mod reader;

use std::fmt;

use bytes::Bytes;

use crate::BacktraceFrame;
use dwarf::Dwarf;
use layout::Layout;

pub(crate) use demangle::demangle;
pub use fingerprint::Fingerprint;

/// What a module says about its functions: names, and with DWARF also files, lines and what was
/// inlined.
#[derive(Debug, Default)]
pub struct Symbols {
    layout: Layout,
    dwarf: Option<Dwarf>,
}

/// A frame of a guest's stack in terms of its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceFrame {
    /// The function, demangled.
    pub function: String,
    /// The source file as the compiler was given it.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in it, from 1.
    pub column: Option<u32>,
    /// Offset of the instruction in the module as it was written.
    pub module_offset: Option<usize>,
    /// Whether the compiler has put this function into the one of the next frame.
    pub is_inlined: bool,
}

/// Functions that stand between a mistake and the trap, or between the host and the plugin.
const LIBRARY_FUNCTIONS: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "rust_",
    "__rust",
    "__rg_",
    "<core::",
    "<alloc::",
    "<std::",
    "tollgate::",
    "<tollgate::",
    "proxy_wasm::",
    "runtime.",
    "abort",
    "dlmalloc::",
    "<dlmalloc::",
];

/// Where the sources of toolchains and downloaded crates lie.
const LIBRARY_FILES: &[&str] = &[
    "/rustc/",
    "/rustlib/src/",
    "/.cargo/registry/",
    "/.cargo/git/",
    "library/std/",
    "library/core/",
    "library/alloc/",
    "/sdk/guest/src/",
];

impl SourceFrame {
    /// Returns whether the function is the plugin's own, as far as names and paths tell.
    #[must_use]
    pub fn is_in_app(&self) -> bool {
        let in_library = |file: &String| LIBRARY_FILES.iter().any(|part| file.contains(part));
        let is_library = |prefix: &&str| self.function.starts_with(*prefix);
        !self.file.as_ref().is_some_and(in_library) && !LIBRARY_FUNCTIONS.iter().any(is_library)
    }

    /// Returns `file:line` when both are known.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        Some(format!("{}:{}", self.file.as_ref()?, self.line?))
    }
}

impl fmt::Display for SourceFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if let Some(file) = &self.file {
            write!(f, " at {file}")?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        if self.is_inlined {
            f.write_str(" (inlined)")?;
        }
        Ok(())
    }
}

/// Returns the innermost frame of the plugin's own code: where to look first.
#[must_use]
pub fn culprit(frames: &[SourceFrame]) -> Option<&SourceFrame> {
    frames.iter().find(|frame| frame.is_in_app())
}

impl Symbols {
    /// Reads a module. One without names or DWARF has fewer symbols; that is no error.
    #[must_use]
    pub fn new(module: &Bytes) -> Self {
        let layout = Layout::read(module);
        let dwarf = Dwarf::read(module);
        Self { layout, dwarf }
    }

    /// Returns whether the module has DWARF, and so files and lines.
    #[must_use]
    pub const fn has_lines(&self) -> bool {
        self.dwarf.is_some()
    }

    /// Returns the frames in terms of the source, innermost first; inlined functions are frames of
    /// their own.
    #[must_use]
    pub fn resolve(&self, frames: &[BacktraceFrame]) -> Vec<SourceFrame> {
        frames
            .iter()
            .flat_map(|frame| self.resolve_frame(frame))
            .collect()
    }

    fn resolve_frame(&self, frame: &BacktraceFrame) -> Vec<SourceFrame> {
        let module_offset = frame
            .function_offset
            .and_then(|offset| self.layout.module_offset(frame.function_index, offset));
        let address = module_offset.and_then(|offset| self.layout.code_offset(offset));
        let lines = self.dwarf.as_ref().zip(address);
        let mut found = lines
            .map(|(dwarf, address)| dwarf.frames(address))
            .unwrap_or_default();
        if found.is_empty() {
            found.push(SourceFrame::default());
        }
        let count = found.len();
        for (index, source) in found.iter_mut().enumerate() {
            source.module_offset = module_offset;
            source.is_inlined = index + 1 < count;
            // DWARF may leave out what a function is in; the name section does not.
            let name = self.layout.name(frame.function_index);
            if let Some(name) = name.filter(|_| !source.is_inlined) {
                source.function = demangle(name);
            } else if source.function.is_empty() {
                source.function.clone_from(&frame.function);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceFrame, culprit};

    fn frame(function: &str, file: &str) -> SourceFrame {
        SourceFrame {
            function: function.to_owned(),
            file: Some(file.to_owned()).filter(|file| !file.is_empty()),
            line: Some(7),
            ..SourceFrame::default()
        }
    }

    #[test]
    fn the_culprit_is_the_innermost_frame_outside_libraries() {
        let frames = [
            frame("__rust_start_panic", ""),
            frame(
                "core::panicking::panic_fmt",
                "/rustc/1/library/core/src/panicking.rs",
            ),
            frame(
                "<Vec<T> as Index>::index",
                "/rustc/1/library/alloc/src/vec.rs",
            ),
            frame(
                "serde::parse",
                "/home/me/.cargo/registry/src/x/serde/src/lib.rs",
            ),
            frame("gate::check", "src/lib.rs"),
            frame("gate::on_request", "src/lib.rs"),
            frame("tollgate::driver::run", "/x/tollgate/src/driver.rs"),
        ];
        let found = culprit(&frames).unwrap();
        assert_eq!(found.function, "gate::check");
        assert_eq!(found.place().as_deref(), Some("src/lib.rs:7"));
        assert_eq!(found.to_string(), "gate::check at src/lib.rs:7");
        assert_eq!(culprit(&frames[..4]), None);
    }
}
