//! `DiagnosisSettings`: what is kept of a fault.

use std::path::PathBuf;

use super::fields::Fields;
use super::value;

/// What is kept of faults, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosisSettings {
    /// The directory that gets core dumps of plugins; `None` for no core dumps.
    pub coredumps: Option<PathBuf>,
    /// The directory that gets crash bundles, which can be replayed; `None` for no bundles.
    pub bundles: Option<PathBuf>,
    /// How many hostcalls before a fault are remembered.
    pub last_hostcalls: usize,
    /// Whether plugins that keep state in their memory are warned about; `None` leaves it to whoever
    /// runs the proxy.
    pub warn_on_kept_state: Option<bool>,
}

impl Default for DiagnosisSettings {
    fn default() -> Self {
        Self {
            coredumps: None,
            bundles: None,
            last_hostcalls: 32,
            warn_on_kept_state: None,
        }
    }
}

pub(super) fn read(fields: &mut Fields<'_>) -> DiagnosisSettings {
    let default = DiagnosisSettings::default();
    DiagnosisSettings {
        coredumps: fields.value("coredumps", value::path),
        bundles: fields.value("bundles", value::path),
        last_hostcalls: fields
            .value("last_hostcalls", value::count)
            .unwrap_or(default.last_hostcalls),
        warn_on_kept_state: fields.value("warn_on_kept_state", value::boolean),
    }
}
