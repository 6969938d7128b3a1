//! Memory: the only way to a program's memory.

use tollgate_abi::wasi::EFAULT;
use wasmtime::{Caller, Extern, Memory};

use super::State;

/// What a WASI function answers; the error is an errno.
pub(super) type Answer<T> = Result<T, i32>;

fn memory(caller: &mut Caller<'_, State>) -> Answer<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => Err(EFAULT),
    }
}

fn index(address: u32) -> Answer<usize> {
    usize::try_from(address).map_err(|_| EFAULT)
}

pub(super) fn read(caller: &mut Caller<'_, State>, address: u32, len: u32) -> Answer<Vec<u8>> {
    let memory = memory(caller)?;
    let (start, len) = (index(address)?, index(len)?);
    let end = start.checked_add(len).ok_or(EFAULT)?;
    let bytes = memory.data(&caller).get(start..end).ok_or(EFAULT)?;
    Ok(bytes.to_vec())
}

pub(super) fn write(caller: &mut Caller<'_, State>, address: u32, bytes: &[u8]) -> Answer<()> {
    let memory = memory(caller)?;
    memory
        .write(caller, index(address)?, bytes)
        .map_err(|_| EFAULT)
}

/// The 4 bytes of a number at an offset of a record.
pub(super) fn u32_at(record: &[u8], offset: usize) -> Answer<u32> {
    let bytes = record.get(offset..).and_then(<[u8]>::first_chunk::<4>);
    bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(EFAULT)
}

pub(super) fn u64_at(record: &[u8], offset: usize) -> Answer<u64> {
    let bytes = record.get(offset..).and_then(<[u8]>::first_chunk::<8>);
    bytes.map(|bytes| u64::from_le_bytes(*bytes)).ok_or(EFAULT)
}
