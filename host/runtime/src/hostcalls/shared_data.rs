//! Shared data: values that all VMs of one id see.

use tollgate_abi::Status;

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::SetError;
use crate::imports::env;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GET_SHARED_DATA,
        |call, key: u32, key_size: u32, ptr: u32, size: u32, cas: u32| {
            get(
                call,
                GuestSlice::new(key, key_size),
                ReturnSlice::new(ptr, size),
                cas,
            )
        }
    );
    hostcall!(
        linking,
        env::SET_SHARED_DATA,
        |call, key: u32, key_size: u32, value: u32, size: u32, cas: u32| {
            set(
                call,
                GuestSlice::new(key, key_size),
                GuestSlice::new(value, size),
                cas,
            )
        }
    );
    Ok(())
}

fn get(
    call: &mut Hostcall<'_>,
    key: GuestSlice,
    result: ReturnSlice,
    cas: u32,
) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let found = state.common.shared_data.get(key.read(memory)?);
    let (value, number) = found.ok_or(Refusal::not_found("nothing is stored under this key"))?;
    call.return_bytes(&value, result)?;
    call.write_u32(cas, number)
}

fn set(call: &mut Hostcall<'_>, key: GuestSlice, value: GuestSlice, cas: u32) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let (key, value) = (key.read(memory)?, value.read(memory)?);
    state
        .common
        .shared_data
        .set(key, value, cas)
        .map_err(|error| {
            let reason = error.to_string();
            match error {
                SetError::CasMismatch(_) => Refusal::with(Status::CasMismatch, reason),
                SetError::Full => {
                    Refusal::with(Status::InternalFailure, reason).beyond("shared_data")
                }
            }
        })?;
    Ok(())
}
