//! Clocks and entropy for guests.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns nanoseconds since the Unix epoch; 0 before it.
pub(super) fn realtime_nanos() -> u64 {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns nanoseconds since this was first asked, the same clock for all VMs.
pub(super) fn monotonic_nanos() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Fills `out` with unpredictable bytes.
pub(super) fn fill_random(out: &mut [u8]) {
    if let Err(error) = getrandom::fill(out) {
        // The ABI cannot tell a guest; zeros it can notice are better than a stale buffer.
        out.fill(0);
        tracing::error!(target: "wasm", %error, "no entropy for a plugin");
    }
}
