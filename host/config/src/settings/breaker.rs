//! `BreakerSettings`: when a plugin that keeps failing is left alone for a while.

use std::time::Duration;

use super::fields::Fields;
use super::value;

/// When a plugin's breaker opens, and for how long. While it is open, streams are treated as the
/// plugin's failure policy says, without entering the plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Least number of faults within `window` that opens it; 0 for never.
    pub faults: usize,
    /// The share of streams within `window` that must have failed as well. With a share a client
    /// who knows how to crash the plugin cannot shut out the others.
    pub rate: f64,
    /// The time that counts.
    pub window: Duration,
    /// How long it stays open; then one stream tries.
    pub open_for: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            faults: 5,
            rate: 0.5,
            window: Duration::from_secs(10),
            open_for: Duration::from_secs(1),
        }
    }
}

pub(super) fn read(fields: &mut Fields<'_>) -> BreakerSettings {
    let default = BreakerSettings::default();
    BreakerSettings {
        faults: fields
            .value("faults", value::count)
            .unwrap_or(default.faults),
        rate: fields.value("rate", value::share).unwrap_or(default.rate),
        window: fields
            .value("window", value::period)
            .unwrap_or(default.window),
        open_for: fields
            .value("open_for", value::period)
            .unwrap_or(default.open_for),
    }
}
