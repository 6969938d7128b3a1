//! The checks a module must pass before it is compiled: Envoy's, in Envoy's order.

use tollgate_abi::AbiVersion;

use super::binary::{Binary, ImportItem, Item};
use super::callbacks::CALLBACKS;
use crate::LoadError;
use crate::imports::{self, ENV_MODULE, WASI_MODULES};

/// Where the memory that pointers refer to comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MemorySource {
    /// The module exports it under this name.
    Exported(String),
    /// The host makes the memory that the module imports.
    Imported,
}

/// What the checks have found out.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) abi: AbiVersion,
    pub(crate) memory: MemorySource,
    /// Exports of [`CALLBACKS`] that the module has.
    pub(crate) callbacks: Vec<&'static str>,
    /// Whether a memory or table is imported.
    pub(crate) imports_storage: bool,
}

/// Checks everything but the code.
pub(crate) fn check(binary: &Binary) -> Result<Checked, LoadError> {
    let abi = abi_version(binary)?;
    for import in &binary.imports {
        check_import(import, abi)?;
    }
    let imports_storage = binary
        .imports
        .iter()
        .any(|import| matches!(import.item, Item::Memory | Item::Table));
    let memory = memory(binary)?;
    let callbacks = callbacks(binary, abi)?;
    if !callbacks
        .iter()
        .any(|name| matches!(*name, "malloc" | "proxy_on_memory_allocate"))
    {
        return Err(LoadError::MissingAllocator);
    }
    Ok(Checked {
        abi,
        memory,
        callbacks,
        imports_storage,
    })
}

/// Returns every reason for a refusal, not only the first.
pub(crate) fn refusals(binary: &Binary) -> Vec<LoadError> {
    let abi = match abi_version(binary) {
        Ok(abi) => abi,
        Err(error) => return vec![error],
    };
    let imports = binary
        .imports
        .iter()
        .filter_map(|import| check_import(import, abi).err());
    let exports = CALLBACKS
        .iter()
        .filter_map(|wanted| check_export(binary, wanted, abi).err());
    let has_allocator = binary.exports.iter().any(|export| {
        matches!(export.name.as_str(), "malloc" | "proxy_on_memory_allocate")
            && matches!(export.item, Item::Function(_))
    });
    imports
        .chain(memory(binary).err())
        .chain(exports)
        .chain((!has_allocator).then_some(LoadError::MissingAllocator))
        .collect()
}

/// The first marker in the export section decides, and only a function counts.
pub(crate) fn abi_version(binary: &Binary) -> Result<AbiVersion, LoadError> {
    let functions = binary
        .exports
        .iter()
        .filter(|export| matches!(export.item, Item::Function(_)));
    functions
        .clone()
        .find_map(|export| AbiVersion::from_marker(&export.name))
        .ok_or_else(|| {
            let mut found = functions.map(|export| &export.name);
            let found = found
                .find(|name| name.starts_with("proxy_abi_version_"))
                .cloned();
            LoadError::UnknownAbi { found }
        })
}

fn check_import(import: &ImportItem, abi: AbiVersion) -> Result<(), LoadError> {
    let (module, name) = (import.module.clone(), import.name.clone());
    let found = match &import.item {
        Item::Function(signature) => signature,
        Item::Memory | Item::Table => return Ok(()),
        Item::Global | Item::Tag => {
            return Err(LoadError::ImportKind {
                module,
                name,
                kind: import.item.kind(),
            });
        }
    };
    let known = imports::find(&module, &name);
    let Some(known) = known.filter(|known| known.versions.contains(&abi)) else {
        let (why, remedy) = advice(import, abi);
        return Err(LoadError::MissingImport {
            module,
            name,
            why,
            remedy,
        });
    };
    let want = known.signature();
    if *found == want {
        return Ok(());
    }
    Err(LoadError::ImportType {
        module,
        name,
        found: found.to_string(),
        want: want.to_string(),
    })
}

/// Says why nothing answers an import, and what to do about it.
fn advice(import: &ImportItem, abi: AbiVersion) -> (String, String) {
    let (module, name) = (import.module.as_str(), import.name.as_str());
    if let Some(known) = imports::find(module, name) {
        let versions: Vec<_> = known.versions.iter().map(ToString::to_string).collect();
        let why = format!(
            "the module is written for ABI {abi}, but {name} exists only in {}",
            versions.join(" and ")
        );
        return (why, "build it with an SDK for that version".to_owned());
    }
    let elsewhere = [ENV_MODULE].into_iter().chain(WASI_MODULES);
    if let Some(other) = elsewhere
        .into_iter()
        .find(|other| imports::find(other, name).is_some())
    {
        let why = format!("hosts provide {other}.{name}");
        return (why, "import it from there".to_owned());
    }
    let (why, remedy) = match module {
        ENV_MODULE if name.starts_with("proxy_") => (
            "no Proxy-Wasm host has this function",
            "check the SDK's version",
        ),
        ENV_MODULE => (
            "no Proxy-Wasm host has this function; it is often a C function that was declared \
             but not linked, or a toolchain's default import",
            "build without it",
        ),
        _ if WASI_MODULES.contains(&module) => {
            ("WASI preview 1 has no such function", "check the toolchain")
        }
        _ => {
            let why = format!(
                "Proxy-Wasm hosts provide only {ENV_MODULE} and {}",
                WASI_MODULES.join(", ")
            );
            let remedy =
                format!("build without {module}, for Rust for example without wasm-bindgen");
            return (why, remedy);
        }
    };
    (why.to_owned(), remedy.to_owned())
}

fn memory(binary: &Binary) -> Result<MemorySource, LoadError> {
    if binary
        .imports
        .iter()
        .any(|import| import.item == Item::Memory)
    {
        return Ok(MemorySource::Imported);
    }
    let exported = binary
        .exports
        .iter()
        .find(|export| export.item == Item::Memory);
    exported
        .map(|export| MemorySource::Exported(export.name.clone()))
        .ok_or(LoadError::MissingMemory)
}

fn callbacks(binary: &Binary, abi: AbiVersion) -> Result<Vec<&'static str>, LoadError> {
    let mut found = Vec::new();
    for wanted in CALLBACKS {
        if check_export(binary, wanted, abi)? {
            found.push(wanted.name);
        }
    }
    Ok(found)
}

/// Returns whether the module has this callback.
fn check_export(
    binary: &Binary,
    wanted: &super::callbacks::Callback,
    abi: AbiVersion,
) -> Result<bool, LoadError> {
    let Some(want) = wanted.signature(abi) else {
        return Ok(false);
    };
    let export = binary
        .exports
        .iter()
        .find(|export| export.name == wanted.name);
    let Some(Item::Function(found)) = export.map(|export| &export.item) else {
        return Ok(false);
    };
    if *found == want {
        return Ok(true);
    }
    let (found, want) = (found.to_string(), want.to_string());
    Err(LoadError::ExportType {
        name: wanted.name,
        found,
        want,
        abi,
    })
}
