//! WASI preview 1, as far as a host without files, sockets and processes has it.
//!
//! Standard output and error are the guest's log; there are no other files. The answers are
//! Envoy's, down to `proc_exit`, which returns.

mod environ;
mod fd;
mod misc;
mod path;
mod sock;
mod time;

use tollgate_abi::wasi::{EBADF, EFAULT, EINVAL, ENOENT, ENOSYS, ESUCCESS};
use wasmtime::Caller;

use crate::hostcalls::{Arguments, Hostcall, Linking, Stop, closed};
use crate::imports::Import;
use crate::record;
use crate::vm::{Outcome, VmState};

/// What Envoy answers to a directory listing. The standard's "not a directory" is 54.
const ENOTDIR: i32 = 20;

/// What a WASI function answers; the error is an errno other than success.
type WasiResult = Result<(), i32>;

/// Links every function under both of WASI's module names.
pub(crate) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    environ::link(linking)?;
    fd::link(linking)?;
    misc::link(linking)?;
    path::link(linking)?;
    sock::link(linking)?;
    time::link(linking)
}

/// Answers a WASI call with an errno.
fn answer(
    caller: Caller<'_, VmState>,
    import: &'static Import,
    arguments: &[u64],
    handle: impl FnOnce(&mut Hostcall<'_>) -> WasiResult,
) -> Result<i32, wasmtime::Error> {
    let gate = &caller.data().gate;
    let is_open = gate.permits(import);
    if !is_open && !gate.is_watched(import) {
        return closed(caller, import, arguments).map(u32::cast_signed);
    }
    let mut call = Hostcall::new(caller)?;
    if !is_open && call.state().player.is_some() {
        return record::play(&mut call, import, arguments).map(u32::cast_signed);
    }
    let place = if is_open {
        None
    } else {
        record::begin_hostcall(&mut call, import, arguments)
    };
    let errno = match handle(&mut call) {
        Ok(()) => ESUCCESS,
        Err(errno) => {
            report(&mut call, import, arguments, errno);
            errno
        }
    };
    let status = errno.cast_unsigned();
    call.remember(import, Outcome::Told(status), arguments);
    if let Some(place) = place {
        record::end_hostcall(&mut call, import, arguments, (place, status));
    }
    Ok(errno)
}

/// Writes the log line of a refusal. Libraries probe for what is not there, so that is for
/// debugging; a wild pointer is the guest's mistake.
#[cold]
fn report(call: &mut Hostcall<'_>, import: &'static Import, arguments: &[u64], errno: i32) {
    let (memory, state) = call.split();
    let args = Arguments::new(import, arguments, memory);
    let plugin = state.plugin_name(state.current);
    let (hostcall, reason) = (import.name, reason(errno));
    if errno == EFAULT || errno == EINVAL {
        tracing::warn!(target: "tollgate::hostcall", hostcall, %args, status = errno, reason, plugin);
    } else {
        tracing::debug!(target: "tollgate::hostcall", hostcall, %args, status = errno, reason, plugin);
    }
}

const fn reason(errno: i32) -> &'static str {
    match errno {
        EBADF => "there are no file descriptors but 1 and 2, the log",
        EFAULT => "an address lies outside the guest's memory",
        EINVAL => "more is asked for than is given at once",
        ENOENT => "there are no files",
        ENOSYS => "Proxy-Wasm hosts do not implement it",
        ENOTDIR => "there are no directories",
        _ => "there are no files, sockets, signals or other clocks",
    }
}

/// The only failure of reading and writing guest memory.
fn fault(_: Stop) -> i32 {
    EFAULT
}

/// Links one WASI function under both module names.
macro_rules! wasi {
    ($linking:expr, $import:path, |$call:ident $(, $arg:ident : $ty:ty)*| $body:expr) => {
        for module in $crate::imports::WASI_MODULES {
            $linking.linker.func_wrap(
                module,
                $import.name,
                |caller: ::wasmtime::Caller<'_, $crate::vm::VmState> $(, $arg: $ty)*| {
                    $crate::wasi::answer(
                        caller,
                        &$import,
                        &[$(u64::from($arg)),*],
                        |$call| $body,
                    )
                },
            )?;
        }
    };
}

use wasi;
