//! Foreign functions: one hostcall that calls others by name.

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::foreign;
use crate::imports::env;

const REFUSED: &str = "the embedder's foreign function says so";
const UNKNOWN: Refusal = Refusal::not_found("no foreign function has this name");

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::CALL_FOREIGN_FUNCTION,
        |call,
         name: u32,
         name_size: u32,
         arguments: u32,
         arguments_size: u32,
         ptr: u32,
         size: u32| {
            call_foreign_function(
                call,
                GuestSlice::new(name, name_size),
                GuestSlice::new(arguments, arguments_size),
                ReturnSlice::new(ptr, size),
            )
        }
    );
    Ok(())
}

fn call_foreign_function(
    call: &mut Hostcall<'_>,
    name: GuestSlice,
    arguments: GuestSlice,
    result: ReturnSlice,
) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let (name, arguments) = (name.read(memory)?, arguments.read(memory)?);
    let outcome = match state.services.call_foreign_function(name, arguments) {
        Some(answer) => answer.map_err(|status| Refusal::new(status, REFUSED)),
        None => foreign::find(name).ok_or(UNKNOWN)?(state, arguments),
    };
    let bytes = outcome.as_deref().unwrap_or_default();
    write_result(call, bytes, result)?;
    outcome?;
    Ok(())
}

/// Address 0 means here that the guest does not want to know. Without an address the result is
/// thrown away, and its size is 0. What a function that failed returns is empty, and written too.
fn write_result(call: &mut Hostcall<'_>, bytes: &[u8], result: ReturnSlice) -> Result<(), Stop> {
    let (mut block, mut size) = (0, 0);
    if result.ptr != 0 && !bytes.is_empty() {
        size = u32::try_from(bytes.len()).map_err(|_| Refusal::BAD_ALLOCATION)?;
        block = call.allocate_copy(bytes, size)?;
    }
    if result.ptr != 0 {
        call.write_u32(result.ptr, block)?;
    }
    if result.size != 0 {
        call.write_u32(result.size, size)?;
    }
    Ok(())
}
