//! Imports: every function a module may import, as data.
//!
//! One table serves the checks of a module, the linker, the rules of who may call what, and the
//! decoding of arguments for the log, so that they cannot disagree.

pub(crate) mod env;
mod gate;
pub(crate) mod wasi;

use tollgate_abi::AbiVersion;

pub(crate) use gate::{Closed, Gate, Window};

use crate::module::{Signature, Type};

/// Module names under which WASI functions are imported.
pub(crate) const WASI_MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

/// The module name of all other functions.
pub(crate) const ENV_MODULE: &str = "env";

/// One or two wasm parameters that mean one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param {
    /// A number; i32.
    Number(&'static str),
    /// A number; i64.
    Long(&'static str),
    /// A log level; i32.
    Level,
    /// A [`MapType`](tollgate_abi::MapType); i32.
    Map,
    /// A [`BufferType`](tollgate_abi::BufferType); i32.
    Buffer,
    /// A [`StreamType`](tollgate_abi::StreamType); i32.
    Stream,
    /// Bytes in guest memory; pointer and size.
    Bytes(&'static str),
    /// A serialized map in guest memory; pointer and size.
    Pairs(&'static str),
    /// An address to write a result to; i32.
    Out(&'static str),
}

impl Param {
    /// Returns how many wasm parameters it is.
    pub(crate) const fn words(&self) -> usize {
        match self {
            Self::Bytes(_) | Self::Pairs(_) => 2,
            Self::Number(_)
            | Self::Long(_)
            | Self::Level
            | Self::Map
            | Self::Buffer
            | Self::Stream
            | Self::Out(_) => 1,
        }
    }
}

/// Who answers an import, and so which rules hold for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `proxy_*`: returns a status; may be restricted.
    Proxy,
    /// WASI: returns an errno; may be restricted.
    Wasi,
    /// What toolchains and Envoy add: cannot be restricted.
    Unrestricted,
}

/// A function that modules may import.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: &'static str,
    /// Position among all imports, for sets of them.
    pub(crate) index: u8,
    pub(crate) family: Family,
    pub(crate) params: &'static [Param],
    pub(crate) has_result: bool,
    pub(crate) versions: &'static [AbiVersion],
}

impl Import {
    /// Returns the set that holds only this import.
    pub(crate) const fn bit(&self) -> u128 {
        1 << self.index
    }

    /// Returns how many wasm parameters it has.
    pub(crate) fn words(&self) -> usize {
        self.params.iter().map(Param::words).sum()
    }

    /// Returns the type that a module must import it with.
    pub(crate) fn signature(&self) -> Signature {
        let params = self.params.iter().flat_map(|param| match param {
            Param::Long(_) => [Some(Type::I64), None],
            Param::Bytes(_) | Param::Pairs(_) => [Some(Type::I32), Some(Type::I32)],
            Param::Number(_)
            | Param::Level
            | Param::Map
            | Param::Buffer
            | Param::Stream
            | Param::Out(_) => [Some(Type::I32), None],
        });
        Signature {
            params: params.flatten().collect(),
            results: self.has_result.then_some(Type::I32).into_iter().collect(),
        }
    }
}

/// Returns every import, `env` first.
pub(crate) fn all() -> impl Iterator<Item = &'static Import> {
    env::ALL.iter().chain(wasi::ALL).copied()
}

/// Finds an import by the names a module uses, whatever its ABI version.
pub(crate) fn find(module: &str, name: &str) -> Option<&'static Import> {
    let table = if module == ENV_MODULE {
        env::ALL
    } else if WASI_MODULES.contains(&module) {
        wasi::ALL
    } else {
        return None;
    };
    table.iter().copied().find(|import| import.name == name)
}

/// Declares one table: statics named like the imports, and `ALL` in the same order.
macro_rules! imports {
    (
        $start:expr;
        $( $ident:ident = $name:literal, $family:ident, $versions:ident, $result:literal, [ $($param:expr),* ]; )+
    ) => {
        #[expect(non_camel_case_types, reason = "positions are named like the statics")]
        #[repr(u8)]
        enum Position { $( $ident, )+ }

        $(
            pub(crate) static $ident: $crate::imports::Import = $crate::imports::Import {
                name: $name,
                index: $start + Position::$ident as u8,
                family: $crate::imports::Family::$family,
                params: &[ $( $param ),* ],
                has_result: $result,
                versions: $versions,
            };
        )+

        pub(crate) static ALL: &[&$crate::imports::Import] = &[ $( &$ident, )+ ];
    };
}

pub(crate) use imports;
