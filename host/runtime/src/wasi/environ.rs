//! Environment variables, which the configuration gives, and arguments, of which there are none.

use tollgate_abi::wasi::EFAULT;

use super::{WasiResult, fault, wasi};
use crate::hostcalls::{Hostcall, Linking};
use crate::imports::wasi as imports;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::ENVIRON_SIZES_GET,
        |call, count: u32, size: u32| {
            let (variables, bytes) = sizes(call.state())?;
            call.write_u32(count, variables).map_err(fault)?;
            call.write_u32(size, bytes).map_err(fault)
        }
    );
    wasi!(
        linking,
        imports::ENVIRON_GET,
        |call, pointers: u32, buffer: u32| { write_environ(call, pointers, buffer) }
    );
    wasi!(
        linking,
        imports::ARGS_SIZES_GET,
        |call, count: u32, size: u32| {
            call.write_u32(count, 0).map_err(fault)?;
            call.write_u32(size, 0).map_err(fault)
        }
    );
    wasi!(
        linking,
        imports::ARGS_GET,
        |_call, _pointers: u32, _buffer: u32| { Ok(()) }
    );
    Ok(())
}

/// Returns the number of variables and the bytes of `KEY=VALUE` with their NULs.
fn sizes(state: &VmState) -> Result<(u32, u32), i32> {
    let environment = &state.common.config.environment;
    let bytes: usize = environment
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2)
        .sum();
    let count = u32::try_from(environment.len()).map_err(|_| EFAULT)?;
    Ok((count, u32::try_from(bytes).map_err(|_| EFAULT)?))
}

fn write_environ(call: &mut Hostcall<'_>, pointers: u32, buffer: u32) -> WasiResult {
    let (mut table, mut block) = (Vec::new(), Vec::new());
    for (key, value) in &call.state().common.config.environment {
        let offset = u32::try_from(block.len()).map_err(|_| EFAULT)?;
        table.extend_from_slice(&buffer.checked_add(offset).ok_or(EFAULT)?.to_le_bytes());
        block.extend_from_slice(key.as_bytes());
        block.push(b'=');
        block.extend_from_slice(value.as_bytes());
        block.push(0);
    }
    call.write(buffer, &block).map_err(fault)?;
    call.write(pointers, &table).map_err(fault)
}
