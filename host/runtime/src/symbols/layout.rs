//! Layout: where a module's functions are, and their names.

use std::collections::HashMap;
use std::ops::Range;

use wasmparser::{ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};

/// Where the code of a module is, and the names of its functions.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The contents of the code section, from which DWARF counts.
    code: Option<Range<usize>>,
    imported: u32,
    /// Where the bodies begin, by the index of the function less the imported ones.
    bodies: Vec<Range<usize>>,
    names: HashMap<u32, String>,
}

impl Layout {
    /// Reads what there is: a section that cannot be read ends it, for the rest is only missed.
    pub(super) fn read(module: &[u8]) -> Self {
        let mut layout = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            let Ok(payload) = payload else {
                break;
            };
            if layout.add(payload).is_err() {
                break;
            }
        }
        layout
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other sections do not matter here"
    )]
    fn add(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let is_function =
                        matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                    self.imported = self.imported.saturating_add(is_function.into());
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    self.add_export(&export?);
                }
            }
            Payload::CodeSectionStart { range, .. } => self.code = Some(range),
            Payload::CodeSectionEntry(body) => self.bodies.push(body.range()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(mut names) = section.as_known() {
                    names.try_for_each(|name| self.add_names(name?))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A callback has a name even where the name section was stripped.
    fn add_export(&mut self, export: &wasmparser::Export<'_>) {
        if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
            let name = || export.name.to_owned();
            self.names.entry(export.index).or_insert_with(name);
        }
    }

    fn add_names(&mut self, names: Name<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        if let Name::Function(functions) = names {
            for naming in functions {
                let naming = naming?;
                self.names.insert(naming.index, naming.name.to_owned());
            }
        }
        Ok(())
    }

    pub(super) fn name(&self, function: u32) -> Option<&str> {
        self.names.get(&function).map(String::as_str)
    }

    /// Returns the offset in the module of an instruction of a function.
    pub(super) fn module_offset(&self, function: u32, offset: usize) -> Option<usize> {
        let defined = usize::try_from(function.checked_sub(self.imported)?).ok()?;
        let body = self.bodies.get(defined)?;
        let at = body.start.checked_add(offset)?;
        (at < body.end).then_some(at)
    }

    /// Returns the address that DWARF gives to an offset in the module.
    pub(super) fn code_offset(&self, module_offset: usize) -> Option<u64> {
        let start = self.code.as_ref()?.start;
        u64::try_from(module_offset.checked_sub(start)?).ok()
    }
}
