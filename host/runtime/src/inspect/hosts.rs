//! Hosts: who provides which import, as far as it is known.
//!
//! The Envoy columns were established by loading a module for each import into each version; the
//! one of `ngx_wasm_module` by its sources of early 2025, where `Support::Unknown` is what they do
//! not decide.

use std::fmt;

use tollgate_abi::AbiVersion;

use crate::imports::{self, ENV_MODULE, Family, WASI_MODULES};
use crate::module::{ImportItem, Item, Signature};

/// A host that modules are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Host {
    /// Envoy 1.36.
    Envoy136,
    /// Envoy 1.37.
    Envoy137,
    /// Envoy 1.38.
    Envoy138,
    /// Envoy 1.39.
    Envoy139,
    /// Envoy 1.40.
    Envoy140,
    /// Kong's module for nginx.
    NgxWasmModule,
    /// This host.
    Tollgate,
}

impl Host {
    /// Every host, in the order of the columns.
    pub const ALL: &'static [Self] = &[
        Self::Envoy136,
        Self::Envoy137,
        Self::Envoy138,
        Self::Envoy139,
        Self::Envoy140,
        Self::NgxWasmModule,
        Self::Tollgate,
    ];

    /// Every version of Envoy, oldest first.
    pub const ENVOYS: &'static [Self] = &[
        Self::Envoy136,
        Self::Envoy137,
        Self::Envoy138,
        Self::Envoy139,
        Self::Envoy140,
    ];

    /// Returns whether the host is a version of Envoy.
    #[must_use]
    pub fn is_envoy(self) -> bool {
        Self::ENVOYS.contains(&self)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Envoy136 => "Envoy 1.36",
            Self::Envoy137 => "Envoy 1.37",
            Self::Envoy138 => "Envoy 1.38",
            Self::Envoy139 => "Envoy 1.39",
            Self::Envoy140 => "Envoy 1.40",
            Self::NgxWasmModule => "ngx_wasm_module",
            Self::Tollgate => "Tollgate",
        })
    }
}

/// What a host does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// It provides it.
    Provided,
    /// It does not know it and refuses the module.
    Missing,
    /// It knows it with another type and refuses the module.
    OtherType,
    /// It loads the module, but the call ends the VM: not implemented.
    Traps,
    /// It is not known.
    Unknown,
}

impl Support {
    /// Returns whether the host refuses a module for this.
    #[must_use]
    pub const fn refuses(self) -> bool {
        matches!(self, Self::Missing | Self::OtherType)
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provided => "yes",
            Self::Missing => "no",
            Self::OtherType => "type",
            Self::Traps => "traps",
            Self::Unknown => "?",
        })
    }
}

/// WASI before Envoy 1.39.
const EARLY_WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Envoy declares these with fewer parameters than the standard, all i32: so many.
const WASI_OF_OTHER_TYPE: &[(&str, usize)] = &[("path_link", 6), ("path_symlink", 4)];

const WASI_NOT_ON_ENVOY: &str = "proc_raise";

/// What nginx links but ends the VM for.
const NGX_TRAPS: &[&str] = &[
    "proc_exit",
    "proxy_clear_route_cache",
    "proxy_close_stream",
    "proxy_continue_response",
    "proxy_done",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_resolve_shared_queue",
];

const NGX_MISSING: &[&str] = &[
    "emscripten_notify_memory_growth",
    "envoy_resolve_dns",
    "proxy_get_buffer_status",
    "proxy_get_header_map_size",
    "pthread_equal",
];

/// It takes one parameter; nginx declares two.
const NGX_OF_OTHER_TYPE: &str = "proxy_get_log_level";

const NGX_WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "random_get",
];

/// Returns what a host does with an import of a module of this ABI version.
pub(super) fn support(host: Host, import: &ImportItem, abi: AbiVersion) -> Support {
    let is_ngx = host == Host::NgxWasmModule;
    let found = match &import.item {
        Item::Function(found) => found,
        Item::Memory | Item::Table | Item::Global | Item::Tag if is_ngx => return Support::Unknown,
        Item::Memory | Item::Table => return Support::Provided,
        Item::Global | Item::Tag => return Support::Missing,
    };
    let Some(known) = imports::find(&import.module, &import.name) else {
        // It also has functions of a draft that no Envoy has.
        return if is_ngx {
            Support::Unknown
        } else {
            Support::Missing
        };
    };
    let has_type = *found == known.signature();
    if is_ngx {
        on_ngx(import, has_type)
    } else if !known.versions.contains(&abi) {
        Support::Missing
    } else if host.is_envoy() && known.family == Family::Wasi {
        wasi_on_envoy(host, &import.name, found, has_type)
    } else {
        typed(has_type)
    }
}

const fn typed(has_type: bool) -> Support {
    if has_type {
        Support::Provided
    } else {
        Support::OtherType
    }
}

fn wasi_on_envoy(host: Host, name: &str, found: &Signature, has_type: bool) -> Support {
    let is_early = host < Host::Envoy139;
    if name == WASI_NOT_ON_ENVOY || (is_early && !EARLY_WASI.contains(&name)) {
        return Support::Missing;
    }
    match WASI_OF_OTHER_TYPE.iter().find(|(other, _)| *other == name) {
        Some((_, params)) => typed(*found == Signature::of_i32s(*params, true)),
        None => typed(has_type),
    }
}

fn on_ngx(import: &ImportItem, has_type: bool) -> Support {
    let (module, name) = (import.module.as_str(), import.name.as_str());
    let is_known = match module {
        ENV_MODULE => true,
        // Later versions have stubs for more of WASI; which ones the sources at hand do not say.
        _ => module == WASI_MODULES[0] && (NGX_WASI.contains(&name) || NGX_TRAPS.contains(&name)),
    };
    if !is_known {
        Support::Unknown
    } else if NGX_MISSING.contains(&name) {
        Support::Missing
    } else if name == NGX_OF_OTHER_TYPE || !has_type {
        Support::OtherType
    } else if NGX_TRAPS.contains(&name) {
        Support::Traps
    } else {
        Support::Provided
    }
}

/// Returns what a host does with a call of a foreign function, of those that Envoy has.
pub(super) fn foreign_function(host: Host, name: &str) -> Support {
    match host {
        // Loads and answers that there is no such function.
        Host::Envoy136 if name == "sign" => Support::Missing,
        Host::NgxWasmModule => Support::Unknown,
        Host::Envoy136
        | Host::Envoy137
        | Host::Envoy138
        | Host::Envoy139
        | Host::Envoy140
        | Host::Tollgate => Support::Provided,
    }
}

/// The foreign functions of Envoy 1.40.
pub(super) const FOREIGN_FUNCTIONS: &[&str] = &[
    "clear_route_cache",
    "compress",
    "declare_property",
    "expr_create",
    "expr_delete",
    "expr_evaluate",
    "set_envoy_filter_state",
    "sign",
    "uncompress",
    "verify_signature",
];
