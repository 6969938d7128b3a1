//! Hostcalls: what a guest asks of the host, one file a topic.
//!
//! Each handler reads its arguments as checked types, acts on the contexts and the embedder's
//! traits, and answers `Ok` or a [`Refusal`], which becomes the guest's status and one log line
//! here, in [`answer`].

mod buffer;
mod call;
mod clock;
mod context;
mod dns;
mod foreign_function;
mod grpc;
mod grpc_control;
mod grpc_service;
mod header_map;
mod http_call;
mod local_response;
mod log;
mod metric;
pub(crate) mod property;
mod property_lookup;
mod refusal;
mod shared_data;
mod shared_queue;
mod stream;
mod toolchain;

use tollgate_abi::{AbiVersion, Status, wasi};
use wasmtime::{Caller, Linker};

pub(crate) use call::{GuestSlice, Hostcall, ReturnSlice};
pub(crate) use refusal::{Arguments, Refusal, Stop};

use crate::imports::{Closed, Family, Import, Window};
use crate::intercept::intercepted;
use crate::record;
use crate::vm::{Outcome, VmState};

/// Returns the linker for one ABI version: exactly the imports that version has.
pub(crate) fn linker(
    engine: &wasmtime::Engine,
    abi: AbiVersion,
) -> Result<Linker<VmState>, wasmtime::Error> {
    let mut linker = Linker::new(engine);
    let linking = &mut Linking {
        linker: &mut linker,
        abi,
    };
    log::link(linking)?;
    clock::link(linking)?;
    context::link(linking)?;
    property::link(linking)?;
    header_map::link(linking)?;
    buffer::link(linking)?;
    stream::link(linking)?;
    local_response::link(linking)?;
    http_call::link(linking)?;
    grpc::link(linking)?;
    grpc_control::link(linking)?;
    dns::link(linking)?;
    shared_data::link(linking)?;
    shared_queue::link(linking)?;
    metric::link(linking)?;
    foreign_function::link(linking)?;
    toolchain::link(linking)?;
    crate::wasi::link(linking)?;
    Ok(linker)
}

/// A linker that is being filled for one ABI version.
pub(crate) struct Linking<'a> {
    pub(crate) linker: &'a mut Linker<VmState>,
    pub(crate) abi: AbiVersion,
}

/// Answers a hostcall with a status.
///
/// One function for all of them: a request runs through several, and code that is in the processor's
/// cache already costs less than code made for each.
#[inline(never)]
pub(crate) fn answer(
    caller: Caller<'_, VmState>,
    import: &'static Import,
    arguments: &[u64],
    handle: &mut dyn FnMut(&mut Hostcall<'_>) -> Result<(), Stop>,
) -> Result<u32, wasmtime::Error> {
    let gate = &caller.data().gate;
    let is_open = gate.permits(import);
    if !is_open && !gate.is_watched(import) {
        return closed(caller, import, arguments);
    }
    let mut call = Hostcall::new(caller)?;
    if !is_open && let Some(answer) = intercepted(&mut call, import, arguments) {
        let told = answer.as_ref().ok();
        let outcome = told.map_or(Outcome::Trapped, |status| Outcome::Told(*status));
        call.remember(import, outcome, arguments);
        return answer;
    }
    let place = if is_open {
        None
    } else {
        record::begin_hostcall(&mut call, import, arguments)
    };
    let status = match handle(&mut call) {
        Ok(()) => Status::Ok,
        Err(Stop::Refused(refusal)) => {
            refusal::report(&mut call, import, arguments, &refusal);
            refusal.status
        }
        Err(Stop::Trapped(error)) => {
            call.remember(import, Outcome::Trapped, arguments);
            return Err(error);
        }
    };
    let status = status.to_u32();
    call.remember(import, Outcome::Told(status), arguments);
    if let Some(place) = place {
        record::end_hostcall(&mut call, import, arguments, (place, status));
    }
    Ok(status)
}

/// Answers a call that the gate does not let through: with a trap in a restricted window, with a
/// refusal where the capability is missing.
#[cold]
pub(crate) fn closed(
    caller: Caller<'_, VmState>,
    import: &'static Import,
    arguments: &[u64],
) -> Result<u32, wasmtime::Error> {
    let mut call = Hostcall::new(caller)?;
    let reason = call.state().gate.reason(import);
    call.remember(import, closed_outcome(reason, import), arguments);
    let (memory, state) = call.split();
    let args = Arguments::new(import, arguments, memory);
    let plugin = state.plugin_name(state.current);
    match reason {
        Closed::ByWindow(window) => {
            let when = match window {
                Window::Start => {
                    "start functions run; only logging, environment, clock and \
                                  random numbers are there: move it to proxy_on_vm_start"
                }
                Window::Allocator => "the allocator runs",
                Window::Open => "this callback runs",
            };
            wasmtime::bail!(
                "restricted_callback: {} must not be called while {when}",
                import.name
            )
        }
        Closed::ByCapability => {
            let status = restricted_status(import.family);
            let kind = match import.family {
                Family::Wasi => "WASI",
                Family::Proxy | Family::Unrestricted => "proxy-wasm",
            };
            tracing::error!(
                target: "tollgate::hostcall",
                hostcall = import.name,
                %args,
                plugin,
                status,
                reason = %format_args!(
                    "attempted call to restricted {kind} capability: {}; \
                     add it to allowed_capabilities", import.name
                ),
            );
            Ok(status)
        }
    }
}

/// Returns what a guest is told that calls an import its capabilities lack.
const fn restricted_status(family: Family) -> u32 {
    match family {
        Family::Wasi => wasi::ENOTCAPABLE.cast_unsigned(),
        Family::Proxy | Family::Unrestricted => Status::InternalFailure.to_u32(),
    }
}

const fn closed_outcome(reason: Closed, import: &Import) -> Outcome {
    match reason {
        Closed::ByWindow(_) => Outcome::Trapped,
        Closed::ByCapability => Outcome::Told(restricted_status(import.family)),
    }
}

/// Links one `env` function, if the ABI version has it. Arguments of the closure are the raw wasm
/// parameters after the call itself.
macro_rules! hostcall {
    ($linking:expr, $import:path, |$call:ident $(, $arg:ident : $ty:ty)*| $body:expr) => {
        if $import.versions.contains(&$linking.abi) {
            $linking.linker.func_wrap(
                $crate::imports::ENV_MODULE,
                $import.name,
                |caller: ::wasmtime::Caller<'_, $crate::vm::VmState> $(, $arg: $ty)*| {
                    $crate::hostcalls::answer(caller, &$import, &[$(u64::from($arg)),*], &mut |$call| $body)
                },
            )?;
        }
    };
}

pub(crate) use hostcall;

/// Reads a serialized map of the guest. Malformed bytes read as an empty map, as in Envoy; the log
/// says so.
pub(crate) fn decode_pairs<'a>(
    state: &VmState,
    import: &'static Import,
    bytes: &'a [u8],
) -> Vec<(&'a [u8], &'a [u8])> {
    tollgate_abi::pairs::decode(bytes).unwrap_or_else(|error| {
        tracing::warn!(
            target: "tollgate::hostcall",
            hostcall = import.name,
            plugin = state.plugin_name(state.current),
            status = %Status::Ok,
            reason = %format_args!("a serialized map counts as empty: {error}"),
        );
        Vec::new()
    })
}
