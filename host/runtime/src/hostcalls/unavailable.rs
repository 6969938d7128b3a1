//! Hostcalls whose subject does not exist here yet: foreign functions. They answer what Envoy
//! answers when the thing named is unknown.

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall, stream};
use crate::imports::env;

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
            let arguments = GuestSlice::new(arguments, arguments_size);
            call_foreign_function(
                call,
                GuestSlice::new(name, name_size),
                arguments,
                [ptr, size],
            )
        }
    );
    Ok(())
}

fn call_foreign_function(
    call: &mut Hostcall<'_>,
    name: GuestSlice,
    arguments: GuestSlice,
    results: [u32; 2],
) -> Result<(), Stop> {
    let (memory, _) = call.split();
    let is_clear_route_cache = name.read(memory)? == b"clear_route_cache";
    arguments.read(memory)?;
    if !is_clear_route_cache {
        return Err(Refusal::not_found("no foreign function has this name").into());
    }
    stream::clear_route_cache(call);
    // Address 0 means here that the guest does not want the result.
    for address in results.into_iter().filter(|address| *address != 0) {
        call.write_u32(address, 0)?;
    }
    Ok(())
}
