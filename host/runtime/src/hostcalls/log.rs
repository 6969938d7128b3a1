//! Log lines and the level below which they are dropped.

use tollgate_abi::LogLevel;

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall};
use crate::imports::env;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::WRITE_LOG,
        |call, level: u32, ptr: u32, size: u32| { log(call, level, GuestSlice::new(ptr, size)) }
    );
    hostcall!(linking, env::GET_LOG_LEVEL, |call, result: u32| {
        let level = call
            .state()
            .services
            .log_level()
            .map_or(LogLevel::OFF, LogLevel::to_u32);
        call.write_u32(result, level)
    });
    Ok(())
}

fn log(call: &mut Hostcall<'_>, level: u32, message: GuestSlice) -> Result<(), Stop> {
    let level = LogLevel::try_from(level)
        .map_err(|_| Refusal::bad_argument("log levels are 0 (trace) to 5 (critical)"))?;
    let (memory, state) = call.split();
    let message = message.read(memory)?;
    state.history.note_line(level, message);
    state.log(level, message);
    Ok(())
}
