//! Looking at a module without compiling it: what it is, what it needs, who would refuse it.

use tollgate_abi::AbiVersion;

use crate::LoadError;
use crate::imports::{WASI_MODULES, wasi};
use crate::module::{Binary, ExportItem, ImportItem, Item, abi_version, refusals};

/// A function, memory, table, global or tag that a module imports or exports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportItem {
    /// For an import the module it comes from; empty for an export.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What it is: `function`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
    /// A function's type, as in `(i32, i32) -> (i32)`.
    pub signature: Option<String>,
}

/// The module's memory in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportMemory {
    /// Pages it starts with.
    pub initial_pages: u64,
    /// Pages it may grow to, if the module says so.
    pub maximum_pages: Option<u64>,
}

/// A custom section.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportSection {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
}

/// What a module is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The ABI version that a host takes it for.
    pub abi: Option<AbiVersion>,
    /// All exports that look like ABI markers, in their order; the first known one decides.
    pub markers: Vec<String>,
    /// What it imports.
    pub imports: Vec<ReportItem>,
    /// What it exports.
    pub exports: Vec<ReportItem>,
    /// Its memory.
    pub memory: Option<ReportMemory>,
    /// Its custom sections.
    pub custom_sections: Vec<ReportSection>,
    /// Why a host would refuse it, Envoy and Tollgate alike; empty for a module that loads.
    pub refusals: Vec<String>,
    /// Why Envoy alone would refuse it.
    pub envoy_refusals: Vec<String>,
}

/// Reads a module and checks it as [`Module::new`](crate::Module::new) does, but goes on after
/// the first finding and leaves the code alone.
///
/// # Errors
///
/// When the bytes are not a WebAssembly module at all.
pub fn inspect(bytes: &[u8]) -> Result<Report, LoadError> {
    let binary = Binary::parse(bytes)?;
    let functions = binary
        .exports
        .iter()
        .filter(|item| matches!(item.item, Item::Function(_)));
    let markers = functions.filter(|export| export.name.starts_with("proxy_abi_version_"));
    Ok(Report {
        abi: abi_version(&binary).ok(),
        markers: markers.map(|export| export.name.clone()).collect(),
        imports: binary.imports.iter().map(import).collect(),
        exports: binary.exports.iter().map(export).collect(),
        memory: binary.memory.map(|memory| ReportMemory {
            initial_pages: memory.initial_pages,
            maximum_pages: memory.maximum_pages,
        }),
        custom_sections: binary
            .custom_sections
            .iter()
            .map(|(name, size)| ReportSection {
                name: name.clone(),
                size: *size,
            })
            .collect(),
        refusals: refusals(&binary).iter().map(ToString::to_string).collect(),
        envoy_refusals: binary.imports.iter().filter_map(missing_on_envoy).collect(),
    })
}

fn import(import: &ImportItem) -> ReportItem {
    ReportItem {
        module: import.module.clone(),
        ..item(&import.name, &import.item)
    }
}

fn export(export: &ExportItem) -> ReportItem {
    item(&export.name, &export.item)
}

fn item(name: &str, item: &Item) -> ReportItem {
    let signature = match item {
        Item::Function(signature) => Some(signature.to_string()),
        Item::Memory | Item::Table | Item::Global | Item::Tag => None,
    };
    let (module, name) = (String::new(), name.to_owned());
    ReportItem {
        module,
        name,
        kind: item.kind(),
        signature,
    }
}

/// Tollgate has all of WASI preview 1 with the standard's types; Envoy nearly so.
fn missing_on_envoy(import: &ImportItem) -> Option<String> {
    let ImportItem { module, name, .. } = import;
    let is_missing =
        WASI_MODULES.contains(&module.as_str()) && wasi::NOT_ON_ENVOY.contains(&name.as_str());
    is_missing.then(|| {
        format!(
            "import {module}.{name}: Envoy 1.40 lacks it or declares it with another type; \
             avoid the library call that needs it"
        )
    })
}
