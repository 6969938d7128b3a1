//! `AbiVersion`: the versions a module can ask for, and the exports that ask for them.

use core::fmt;

/// A version of the Proxy-Wasm ABI that Envoy loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AbiVersion {
    /// 0.1.0: header callbacks without `end_of_stream`.
    V0_1_0,
    /// 0.2.0.
    V0_2_0,
    /// 0.2.1: adds `proxy_get_log_level`.
    V0_2_1,
}

impl AbiVersion {
    /// Every version, oldest first.
    pub const ALL: &'static [Self] = &[Self::V0_1_0, Self::V0_2_0, Self::V0_2_1];

    /// Returns the function export that marks a module as written for this version.
    #[must_use]
    pub const fn marker(self) -> &'static str {
        match self {
            Self::V0_1_0 => "proxy_abi_version_0_1_0",
            Self::V0_2_0 => "proxy_abi_version_0_2_0",
            Self::V0_2_1 => "proxy_abi_version_0_2_1",
        }
    }

    /// Returns the version whose marker has this exact name.
    #[must_use]
    pub fn from_marker(export: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|version| version.marker() == export)
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}
