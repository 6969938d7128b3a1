//! Clocks, and waiting, which is not done.

use tollgate_abi::wasi::{CLOCK_MONOTONIC, CLOCK_REALTIME, ENOTSUP};

use super::{fault, wasi};
use crate::hostcalls::Linking;
use crate::imports::wasi as imports;
use crate::snapshot::StartReadKind;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::CLOCK_TIME_GET,
        |call, clock: u32, _precision: u64, result: u32| {
            call.note_read(StartReadKind::Clock, &imports::CLOCK_TIME_GET);
            let services = &call.state().services;
            let now = match clock {
                CLOCK_REALTIME => services.realtime_nanos(),
                CLOCK_MONOTONIC => services.monotonic_nanos(),
                _ => return Err(ENOTSUP),
            };
            call.write_u64(result, now).map_err(fault)
        }
    );
    wasi!(
        linking,
        imports::CLOCK_RES_GET,
        |call, clock: u32, result: u32| {
            match clock {
                CLOCK_REALTIME | CLOCK_MONOTONIC => call.write_u64(result, 1).map_err(fault),
                _ => Err(ENOTSUP),
            }
        }
    );
    // Go sleeps while it collects garbage: it must be told that no time need pass.
    wasi!(
        linking,
        imports::POLL_ONEOFF,
        |call, _subscriptions: u32, _events: u32, _count: u32, nevents: u32| {
            call.write_u32(nevents, 0).map_err(fault)
        }
    );
    wasi!(linking, imports::SCHED_YIELD, |_call| { Ok(()) });
    Ok(())
}
