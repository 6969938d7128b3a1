//! Looking at a module without compiling it: what it is, what it needs, who would refuse it.

mod hosts;
mod notes;
mod refusal;

use tollgate_abi::AbiVersion;

pub use hosts::{Host, Support};
pub use refusal::Refusal;

use crate::imports::{self, ENV_MODULE, Family, Import, WASI_MODULES, env};
use crate::module::{self, Binary, ExportItem, ImportItem, Item, abi_version};
use crate::{Isolation, LoadError, SnapshotError};

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
    /// The isolation under Tollgate that it says it is made for.
    pub isolation: Option<Isolation>,
    /// Why it cannot have an instance for each stream under Tollgate.
    pub snapshot_obstacle: Option<SnapshotError>,
    /// Which host provides which import, in the order of [`imports`](Self::imports); empty
    /// without a known ABI version, for the version decides.
    pub support: Vec<SupportRow>,
    /// Which host has which foreign function; empty for a module that calls none.
    pub foreign_functions: Vec<SupportRow>,
    /// Why hosts would refuse the module.
    pub refusals: Vec<Refusal>,
    /// What loads but does not do what it seems to, each with what to do.
    pub notes: Vec<String>,
}

impl Report {
    /// Returns whether no reason is known for which this host would refuse the module.
    #[must_use]
    pub fn loads_on(&self, host: Host) -> bool {
        !self
            .refusals
            .iter()
            .any(|refusal| refusal.hosts.contains(&host))
    }
}

/// One function and what each host does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupportRow {
    /// The function, for an import as in `env.proxy_log`.
    pub name: String,
    /// One cell for each of [`Host::ALL`].
    pub cells: Vec<Support>,
}

impl SupportRow {
    fn new(name: String, cell: impl Fn(Host) -> Support) -> Self {
        let cells = Host::ALL.iter().copied().map(cell).collect();
        Self { name, cells }
    }

    /// Returns what a host does with the function.
    #[must_use]
    pub fn on(&self, host: Host) -> Support {
        let mut cells = Host::ALL.iter().zip(&self.cells);
        let cell = cells.find(|(column, _)| **column == host);
        cell.map_or(Support::Unknown, |(_, support)| *support)
    }
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
    let abi = abi_version(&binary).ok();
    let support = abi.map_or_else(Vec::new, |abi| support(&binary, abi));
    Ok(Report {
        abi,
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
        isolation: module::declared_isolation(&binary),
        snapshot_obstacle: module::snapshot_obstacle(bytes),
        foreign_functions: foreign_functions(&binary),
        refusals: refusal::refusals(&binary, &support),
        notes: notes::notes(&binary, abi),
        support,
    })
}

/// Returns every function that Tollgate provides to modules of an ABI version; those of WASI under
/// the name of preview 1.
#[must_use]
pub fn provided(abi: AbiVersion) -> Vec<ReportItem> {
    let known = imports::all().filter(|known| known.versions.contains(&abi));
    let item = |known: &Import| ReportItem {
        module: match known.family {
            Family::Wasi => WASI_MODULES[0].to_owned(),
            Family::Proxy | Family::Unrestricted => ENV_MODULE.to_owned(),
        },
        name: known.name.to_owned(),
        kind: "function",
        signature: Some(known.signature().to_string()),
    };
    known.map(item).collect()
}

fn support(binary: &Binary, abi: AbiVersion) -> Vec<SupportRow> {
    let row = |import: &ImportItem| {
        let name = format!("{}.{}", import.module, import.name);
        SupportRow::new(name, |host| hosts::support(host, import, abi))
    };
    binary.imports.iter().map(row).collect()
}

fn foreign_functions(binary: &Binary) -> Vec<SupportRow> {
    let mut imports = binary.imports.iter();
    if !imports.any(|import| import.name == env::CALL_FOREIGN_FUNCTION.name) {
        return Vec::new();
    }
    let row = |name: &&str| {
        SupportRow::new((*name).to_owned(), |host| {
            hosts::foreign_function(host, name)
        })
    };
    hosts::FOREIGN_FUNCTIONS.iter().map(row).collect()
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
