//! Hostcall: one call from the guest, and the only way to the guest's memory.

use std::ops::Range;

use wasmtime::{AsContextMut, Caller, Extern, Memory, WasmBacktrace};

use super::refusal::{Refusal, Stop};
use crate::imports::{Import, Window};
use crate::snapshot::{StartRead, StartReadKind};
use crate::vm::{Outcome, VM_CONTEXT, VmState, function_name};

/// Bytes in guest memory, as the guest names them: not yet checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestSlice {
    pub(crate) ptr: u32,
    pub(crate) size: u32,
}

impl GuestSlice {
    pub(crate) const fn new(ptr: u32, size: u32) -> Self {
        Self { ptr, size }
    }

    fn range(self) -> Option<Range<usize>> {
        let start = usize::try_from(self.ptr).ok()?;
        Some(start..start.checked_add(usize::try_from(self.size).ok()?)?)
    }

    /// Returns the bytes. Address 0 is an address like any other, and an empty slice may end
    /// where memory ends.
    pub(crate) fn read(self, memory: &[u8]) -> Result<&[u8], Refusal> {
        self.range()
            .and_then(|range| memory.get(range))
            .ok_or(Refusal::BAD_POINTER)
    }

    /// Returns the bytes to be written.
    pub(crate) fn write(self, memory: &mut [u8]) -> Result<&mut [u8], Refusal> {
        self.range()
            .and_then(|range| memory.get_mut(range))
            .ok_or(Refusal::BAD_RESULT_POINTER)
    }
}

/// Where the guest wants to find the address and size of returned bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnSlice {
    pub(crate) ptr: u32,
    pub(crate) size: u32,
}

impl ReturnSlice {
    pub(crate) const fn new(ptr: u32, size: u32) -> Self {
        Self { ptr, size }
    }
}

/// One call from the guest.
pub(crate) struct Hostcall<'a> {
    caller: Caller<'a, VmState>,
    memory: Memory,
}

impl<'a> Hostcall<'a> {
    pub(crate) fn new(mut caller: Caller<'a, VmState>) -> Result<Self, wasmtime::Error> {
        let memory = match caller.data().memory {
            Some(memory) => memory,
            None => start_section_memory(&mut caller)?,
        };
        Ok(Self { caller, memory })
    }

    pub(crate) fn state(&self) -> &VmState {
        self.caller.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut VmState {
        self.caller.data_mut()
    }

    /// Keeps the call for the fault that may follow.
    #[inline]
    pub(crate) fn remember(&mut self, import: &Import, outcome: Outcome, arguments: &[u64]) {
        self.caller
            .data_mut()
            .history
            .push(import, outcome, arguments);
    }

    /// Remembers that the guest read entropy or a clock, if it is only being started: what it makes
    /// of that is the same in all instances of a snapshot.
    pub(crate) fn note_read(&mut self, kind: StartReadKind, import: &Import) {
        if self.state().is_starting {
            self.note_start_read(kind, import);
        }
    }

    #[cold]
    fn note_start_read(&mut self, kind: StartReadKind, import: &Import) {
        let backtrace = WasmBacktrace::capture(&self.caller);
        let functions = backtrace.frames().iter().map(function_name).collect();
        self.state_mut().start_reads.add(StartRead {
            kind,
            hostcall: import.name,
            functions,
        });
    }

    /// Returns the guest's memory beside the state. Neither may be held over
    /// [`return_bytes`](Self::return_bytes), which enters the guest.
    pub(crate) fn split(&mut self) -> (&mut [u8], &mut VmState) {
        self.memory.data_and_store_mut(&mut self.caller)
    }

    /// Writes a 4-byte result.
    pub(crate) fn write_u32(&mut self, address: u32, value: u32) -> Result<(), Stop> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes an 8-byte result.
    pub(crate) fn write_u64(&mut self, address: u32, value: u64) -> Result<(), Stop> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes bytes where the guest has room for them.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), Stop> {
        let (memory, _) = self.split();
        let size = u32::try_from(bytes.len()).map_err(|_| Refusal::BAD_RESULT_POINTER)?;
        GuestSlice::new(address, size)
            .write(memory)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// Returns bytes in a block that the guest offers, or else in one of its own allocator: exactly
    /// one call with exactly the size, because guests adopt the block as a vector of that capacity.
    /// Nothing is allocated for no bytes.
    pub(crate) fn return_bytes(&mut self, bytes: &[u8], result: ReturnSlice) -> Result<(), Stop> {
        let size = u32::try_from(bytes.len()).map_err(|_| Refusal::BAD_ALLOCATION)?;
        let offers = self.state().offers_results;
        let (memory, _) = self.split();
        let block = match size {
            0 => Some(0),
            _ => offered(memory, size, result).filter(|_| offers),
        };
        if let Some(block) = block {
            return write_result(memory, (block, size), bytes, result);
        }
        let block = self.allocate(size)?;
        let (memory, _) = self.split();
        write_result(memory, (block, size), bytes, result)
    }

    /// Returns the address of a block of the guest's allocator with these bytes, which are some.
    pub(crate) fn allocate_copy(&mut self, bytes: &[u8], size: u32) -> Result<u32, Stop> {
        let block = self.allocate(size)?;
        let (memory, _) = self.split();
        copy_to_block(memory, block, bytes)?;
        Ok(block)
    }

    /// Calls the guest's allocator, as the VM rather than as the plugin. A trap in it ends the
    /// whole callback.
    fn allocate(&mut self, size: u32) -> Result<u32, Stop> {
        let state = self.caller.data_mut();
        // Taken out meanwhile, as a clone counts references: the allocator gets no bytes itself.
        let Some(allocator) = state.allocator.take() else {
            return Err(Refusal::BAD_ALLOCATION.into());
        };
        let contexts = (state.current, state.effective);
        (state.current, state.effective) = (VM_CONTEXT, VM_CONTEXT);
        let before = state.gate.enter(Window::Allocator);
        let result = allocator.call(self.caller.as_context_mut(), size);
        let state = self.caller.data_mut();
        state.allocator = Some(allocator);
        state.gate.enter(before);
        (state.current, state.effective) = contexts;
        result.map_err(Stop::Trapped)
    }
}

/// Returns the block that the guest offers where it wants the result, if that is longer.
fn offered(memory: &[u8], size: u32, result: ReturnSlice) -> Option<u32> {
    let block = read_word(memory, result.ptr)?;
    let room = read_word(memory, result.size)?;
    (block != 0 && room > size).then_some(block)
}

/// Fills a block for a result and tells the guest of it.
fn write_result(
    memory: &mut [u8],
    (block, size): (u32, u32),
    bytes: &[u8],
    result: ReturnSlice,
) -> Result<(), Stop> {
    copy_to_block(memory, block, bytes)?;
    write_word(memory, result.ptr, block)?;
    write_word(memory, result.size, size)
}

/// Fills a block that the guest's allocator has given for these bytes.
fn copy_to_block(memory: &mut [u8], block: u32, bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.is_empty() {
        return Ok(());
    }
    let start = usize::try_from(block).ok().filter(|start| *start != 0);
    start
        .and_then(|start| memory.get_mut(start..start.checked_add(bytes.len())?))
        .ok_or(Refusal::BAD_ALLOCATION)?
        .copy_from_slice(bytes);
    Ok(())
}

fn read_word(memory: &[u8], address: u32) -> Option<u32> {
    let bytes = GuestSlice::new(address, 4).read(memory).ok()?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Writes a 4-byte result.
fn write_word(memory: &mut [u8], address: u32, value: u32) -> Result<(), Stop> {
    let place = GuestSlice::new(address, 4).write(memory)?;
    place.copy_from_slice(&value.to_le_bytes());
    Ok(())
}

/// A module's start section runs before its instance is known.
#[cold]
fn start_section_memory(caller: &mut Caller<'_, VmState>) -> Result<Memory, wasmtime::Error> {
    let name = caller.data().memory_export.clone();
    match name.and_then(|name| caller.get_export(&name)) {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => wasmtime::bail!("a hostcall was made before the module had a memory"),
    }
}
