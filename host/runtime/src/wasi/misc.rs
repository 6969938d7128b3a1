//! Randomness and the end of the process, which is none.

use tollgate_abi::limits::MAX_RANDOM_BYTES;
use tollgate_abi::wasi::{EFAULT, EINVAL, ENOTSUP};
use wasmtime::Caller;

use super::{WasiResult, wasi};
use crate::hostcalls::{GuestSlice, Hostcall, Linking, closed};
use crate::imports::{WASI_MODULES, wasi as imports};
use crate::snapshot::StartReadKind;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::RANDOM_GET,
        |call, buffer: u32, size: u32| { random(call, GuestSlice::new(buffer, size)) }
    );
    wasi!(linking, imports::PROC_RAISE, |_call, _signal: u32| {
        Err(ENOTSUP)
    });
    for module in WASI_MODULES {
        // It returns to the guest, as in Envoy: a command's `_start` may end with it and the
        // instance lives on.
        linking.linker.func_wrap(
            module,
            imports::PROC_EXIT.name,
            |caller: Caller<'_, VmState>, code: u32| {
                if !caller.data().gate.permits(&imports::PROC_EXIT) {
                    return closed(caller, &imports::PROC_EXIT, &[code.into()]).map(drop);
                }
                tracing::trace!(target: "tollgate::hostcall", hostcall = "proc_exit", code);
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn random(call: &mut Hostcall<'_>, buffer: GuestSlice) -> WasiResult {
    if buffer.size > MAX_RANDOM_BYTES {
        return Err(EINVAL);
    }
    if buffer.size == 0 {
        return Ok(());
    }
    call.note_read(StartReadKind::Entropy, &imports::RANDOM_GET);
    let (memory, state) = call.split();
    let bytes = buffer.write(memory).map_err(|_| EFAULT)?;
    state.services.fill_random(bytes);
    Ok(())
}
