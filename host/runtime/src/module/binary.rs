//! Binary: the sections of a module that decide whether a host can run it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "other sections do not matter here"
)]

use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

use super::{Signature, isolation, results, stream_end};
use crate::LoadError;

/// What every WebAssembly binary begins with.
const MAGIC: &[u8] = b"\0asm";

/// What is imported or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Function(Signature),
    Memory,
    Table,
    Global,
    Tag,
}

impl Item {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Global => "global",
            Self::Tag => "tag",
        }
    }
}

/// An import as the module writes it.
#[derive(Clone, Debug)]
pub(crate) struct ImportItem {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// An export as the module writes it.
#[derive(Clone, Debug)]
pub(crate) struct ExportItem {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// A memory's size in pages of 64 KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemorySize {
    pub(crate) initial_pages: u64,
    pub(crate) maximum_pages: Option<u64>,
}

/// The sections that matter for loading.
#[derive(Debug, Default)]
pub(crate) struct Binary {
    pub(crate) imports: Vec<ImportItem>,
    pub(crate) exports: Vec<ExportItem>,
    pub(crate) memory: Option<MemorySize>,
    pub(crate) custom_sections: Vec<(String, usize)>,
    /// What the module says of its isolation.
    pub(crate) isolation: Option<String>,
    /// Whether it says that the end of a stream only frees memory.
    pub(crate) ends_silently: bool,
    /// Whether it says that it offers blocks for returned bytes.
    pub(crate) offers_results: bool,
    /// By type index; `None` for types that are not functions.
    types: Vec<Option<Signature>>,
    /// By function index, imported ones first: the type index.
    functions: Vec<u32>,
}

impl Binary {
    /// Reads the sections; code is left to the compiler.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut binary = Self::default();
        if !bytes.starts_with(MAGIC) {
            return Err(LoadError::Corrupt(
                "it does not begin with \\0asm, as every compiled module does".to_owned(),
            ));
        }
        if Parser::is_component(bytes) {
            return Err(LoadError::Corrupt(
                "this is a component; Proxy-Wasm needs a core module".to_owned(),
            ));
        }
        for payload in Parser::new(0).parse_all(bytes) {
            payload
                .and_then(|payload| binary.read(payload))
                .map_err(|error| {
                    LoadError::Corrupt(format!(
                        "{} at offset {:#x}",
                        error.message(),
                        error.offset()
                    ))
                })?;
        }
        Ok(binary)
    }

    fn read(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.types
                        .extend(group?.into_types().map(|sub| signature(&sub)));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.import(&import);
                }
            }
            Payload::FunctionSection(section) => {
                for function in section {
                    self.functions.push(function?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = size(&memory?);
                    self.memory.get_or_insert(memory);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let item = self.exported(export.kind, export.index);
                    self.exports.push(ExportItem {
                        name: export.name.to_owned(),
                        item,
                    });
                }
            }
            Payload::CustomSection(section) => {
                if section.name() == isolation::SECTION {
                    let declared = String::from_utf8_lossy(section.data());
                    self.isolation = Some(declared.trim().to_owned());
                } else if section.name() == stream_end::SECTION {
                    self.ends_silently = section.data() == stream_end::SILENT;
                } else if section.name() == results::SECTION {
                    self.offers_results = section.data() == results::OFFERED;
                }
                self.custom_sections
                    .push((section.name().to_owned(), section.data().len()));
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) {
        let item = match import.ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.functions.push(index);
                Item::Function(self.signature(index))
            }
            TypeRef::Memory(memory) => {
                self.memory.get_or_insert_with(|| size(&memory));
                Item::Memory
            }
            TypeRef::Table(_) => Item::Table,
            TypeRef::Global(_) => Item::Global,
            TypeRef::Tag(_) => Item::Tag,
        };
        let (module, name) = (import.module.to_owned(), import.name.to_owned());
        self.imports.push(ImportItem { module, name, item });
    }

    fn exported(&self, kind: ExternalKind, index: u32) -> Item {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let function = usize::try_from(index)
                    .ok()
                    .and_then(|i| self.functions.get(i));
                Item::Function(
                    function
                        .map(|index| self.signature(*index))
                        .unwrap_or_default(),
                )
            }
            ExternalKind::Memory => Item::Memory,
            ExternalKind::Table => Item::Table,
            ExternalKind::Global => Item::Global,
            ExternalKind::Tag => Item::Tag,
        }
    }

    /// A type index out of range reads as `() -> ()` here; the compiler refuses it later.
    fn signature(&self, index: u32) -> Signature {
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| self.types.get(index));
        found.cloned().flatten().unwrap_or_default()
    }
}

/// Returns where the contents of the code section begin: the same code lies elsewhere in a module
/// to which exports or data were added.
pub(crate) fn code_start(bytes: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let mut starts = payloads.filter_map(|payload| match payload {
        Payload::CodeSectionStart { range, .. } => Some(range.start),
        _ => None,
    });
    starts.next().unwrap_or_default()
}

fn signature(sub: &wasmparser::SubType) -> Option<Signature> {
    let wasmparser::CompositeInnerType::Func(function) = &sub.composite_type.inner else {
        return None;
    };
    Some(Signature {
        params: function
            .params()
            .iter()
            .map(|value| (*value).into())
            .collect(),
        results: function
            .results()
            .iter()
            .map(|value| (*value).into())
            .collect(),
    })
}

fn size(memory: &wasmparser::MemoryType) -> MemorySize {
    MemorySize {
        initial_pages: memory.initial,
        maximum_pages: memory.maximum,
    }
}
