//! Turning the engine's error into a `Fault` with what the guest leaves behind.

use std::sync::Arc;

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use super::VmState;
use super::guest::Guest;
use crate::error::{BacktraceFrame, FaultDetails, FaultKind};
use crate::host::StreamMap;
use crate::symbols::demangle;
use crate::{ContextId, Fault};

const REQUEST_ID: &[u8] = b"x-request-id";

/// Returns the fault of a guest that was entered after this VM had failed.
pub(super) fn after_failure(first: &Fault, callback: &'static str) -> Fault {
    let message = format!(
        "the VM has failed before in {}: {}",
        first.callback, first.message
    );
    let kind = (FaultKind::VmFailed, message);
    Fault::without_details(first.plugin.clone(), callback, first.context, kind)
}

/// Returns what the guest leaves behind when a call of its ends. `acting` is the context that its
/// hostcalls acted on.
pub(super) fn details(
    guest: &mut Guest,
    acting: ContextId,
    error: &wasmtime::Error,
) -> FaultDetails {
    let recording = guest.state_mut().take_recording();
    let memory = guest.state().memory;
    let bytes = memory.map_or(&[][..], |memory| memory.data(&guest.store));
    let state = guest.state();
    FaultDetails {
        request_id: request_id(state, acting),
        backtrace: backtrace(error, guest.code_shift),
        hostcalls: state.history.hostcalls(bytes),
        last_words: state.history.last_words(),
        recording: recording.map(Arc::new),
    }
}

fn request_id(state: &VmState, acting: ContextId) -> Option<String> {
    let http = state.contexts.http(acting)?;
    let mut id = Vec::new();
    let map = StreamMap::RequestHeaders;
    let found = http.host.has_map(map) && http.host.map_value(map, REQUEST_ID, &mut id);
    found.then(|| String::from_utf8_lossy(&id).into_owned())
}

pub(super) fn kind(error: &wasmtime::Error, memory_was_refused: bool) -> FaultKind {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => FaultKind::Deadline,
        _ if memory_was_refused => FaultKind::Memory,
        _ => FaultKind::Trap,
    }
}

/// Returns the limit that ended a call.
pub(super) fn limit(error: &wasmtime::Error) -> Option<&'static str> {
    let trap = error.downcast_ref::<Trap>()?;
    let limits = [
        (Trap::Interrupt, "deadline"),
        (Trap::StackOverflow, "stack_bytes"),
    ];
    let mut limits = limits.into_iter();
    limits
        .find(|(limited, _)| limited == trap)
        .map(|(_, limit)| limit)
}

pub(super) fn message(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "the callback ran longer than its deadline".to_owned(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

fn backtrace(error: &wasmtime::Error, code_shift: isize) -> Vec<BacktraceFrame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let frames = backtrace.frames().iter().map(|frame| BacktraceFrame {
        function: function_name(frame),
        function_index: frame.func_index(),
        function_offset: frame.func_offset(),
        module_offset: frame
            .module_offset()
            .and_then(|offset| offset.checked_add_signed(code_shift)),
    });
    frames.collect()
}

/// Returns a function's name from the name section, or its index.
pub(crate) fn function_name(frame: &FrameInfo) -> String {
    frame
        .func_name()
        .map_or_else(|| format!("function {}", frame.func_index()), demangle)
}
