//! Dwarf: the debugging sections of a module, read as far as a question needs.

use std::collections::HashMap;
use std::fmt;

use addr2line::gimli::{self, SectionId};
use bytes::Bytes;
use wasmparser::{Parser, Payload};

use super::SourceFrame;
use super::demangle::demangle;
use super::reader::SharedReader;

/// Most functions that one instruction may be inlined into: a section that says more is damaged.
const MAX_INLINED: usize = 64;

/// The lines of a module. They are the module's word: damaged sections give fewer answers.
pub(super) struct Dwarf {
    context: addr2line::Context<SharedReader>,
}

impl fmt::Debug for Dwarf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dwarf").finish_non_exhaustive()
    }
}

impl Dwarf {
    /// Returns the lines of a module that has any.
    pub(super) fn read(module: &Bytes) -> Option<Self> {
        let mut sections = HashMap::new();
        for payload in Parser::new(0).parse_all(module) {
            if let Payload::CustomSection(section) = payload.ok()?
                && section.name().starts_with(".debug_")
            {
                sections.insert(section.name(), module.slice_ref(section.data()));
            }
        }
        if !sections.contains_key(SectionId::DebugInfo.name()) {
            return None;
        }
        let section = |id: SectionId| {
            let bytes = sections.get(id.name()).cloned().unwrap_or_default();
            Ok::<_, gimli::Error>(SharedReader::new(bytes))
        };
        let dwarf = gimli::Dwarf::load(section).ok()?;
        let context = addr2line::Context::from_dwarf(dwarf).ok()?;
        Some(Self { context })
    }

    /// Returns the functions that an address is in, innermost first.
    pub(super) fn frames(&self, address: u64) -> Vec<SourceFrame> {
        let mut found = Vec::new();
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else {
            return found;
        };
        while found.len() < MAX_INLINED
            && let Ok(Some(frame)) = frames.next()
        {
            let name = frame.function.as_ref().and_then(|f| f.raw_name().ok());
            let location = frame.location.as_ref();
            found.push(SourceFrame {
                function: name.as_deref().map(demangle).unwrap_or_default(),
                file: location.and_then(|place| place.file).map(str::to_owned),
                line: location.and_then(|place| place.line),
                column: location.and_then(|place| place.column),
                ..SourceFrame::default()
            });
        }
        found
    }
}
