//! DNS lookups, which Envoy adds to the ABI.

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall};
use crate::imports::env;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::RESOLVE_DNS,
        |call, address: u32, address_size: u32, token: u32| {
            resolve(call, GuestSlice::new(address, address_size), token)
        }
    );
    Ok(())
}

const NO_PLUGIN: Refusal = Refusal::bad_argument("no plugin is there to get the addresses");

/// The token is written before the lookup starts.
fn resolve(call: &mut Hostcall<'_>, name: GuestSlice, token: u32) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let name = String::from_utf8_lossy(name.read(memory)?).into_owned();
    let new = state.common.numbers.next_dns_token();
    call.write_u32(token, new)?;
    let state = call.state();
    let (root, _) = state.acting_root().ok_or(NO_PLUGIN)?;
    state
        .services
        .resolve_dns(root, new, &name)
        .map_err(|refusal| Refusal::with(refusal.status, refusal.reason).into())
}
