//! `ReloadSettings`: how new configuration and new modules are taken up while serving.

use std::time::Duration;

use super::fields::Fields;
use super::value;

/// How a new generation replaces the old one.
#[derive(Clone, Debug, PartialEq)]
pub struct ReloadSettings {
    /// Whether files are watched; signals and the admin interface reload in any case.
    pub watch: bool,
    /// How long files must be quiet before they are read.
    pub debounce: Duration,
    /// How long streams of an old generation may go on.
    pub drain_timeout: Duration,
    /// When a new generation is taken back.
    pub rollback: RollbackSettings,
}

/// When a generation whose plugins fail makes room for the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollbackSettings {
    /// The time after a reload in which faults count.
    pub window: Duration,
    /// Least number of faults; 0 for never.
    pub faults: usize,
    /// The share of streams that must have failed as well.
    pub rate: f64,
}

impl Default for ReloadSettings {
    fn default() -> Self {
        Self {
            watch: true,
            debounce: Duration::from_millis(100),
            drain_timeout: Duration::from_secs(30),
            rollback: RollbackSettings::default(),
        }
    }
}

impl Default for RollbackSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            faults: 5,
            rate: 0.1,
        }
    }
}

pub(super) fn read(fields: &mut Fields<'_>) -> ReloadSettings {
    let default = ReloadSettings::default();
    ReloadSettings {
        watch: fields
            .value("watch", value::boolean)
            .unwrap_or(default.watch),
        debounce: fields
            .value("debounce", value::duration)
            .unwrap_or(default.debounce),
        drain_timeout: fields
            .value("drain_timeout", value::duration)
            .unwrap_or(default.drain_timeout),
        rollback: fields.group("rollback", read_rollback),
    }
}

fn read_rollback(fields: &mut Fields<'_>) -> RollbackSettings {
    let default = RollbackSettings::default();
    RollbackSettings {
        window: fields
            .value("window", value::period)
            .unwrap_or(default.window),
        faults: fields
            .value("faults", value::count)
            .unwrap_or(default.faults),
        rate: fields.value("rate", value::share).unwrap_or(default.rate),
    }
}
