//! The time of day, and the timer of a plugin.

use std::time::Duration;

use super::{Linking, hostcall};
use crate::imports::env;
use crate::snapshot::StartReadKind;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(linking, env::GET_CURRENT_TIME, |call, result: u32| {
        call.note_read(StartReadKind::Clock, &env::GET_CURRENT_TIME);
        let now = call.state().services.realtime_nanos();
        call.write_u64(result, now)
    });
    hostcall!(linking, env::SET_TICK_PERIOD, |call, period_ms: u32| {
        let state = call.state();
        let period = Duration::from_millis(u64::from(period_ms));
        if let Some((root, _)) = state.acting_root().filter(|_| state.has_tick) {
            state
                .services
                .set_tick_period(root, (!period.is_zero()).then_some(period));
        }
        Ok(())
    });
    Ok(())
}
