//! Interception: something else answers a guest's hostcalls, as tests of filters do.
//!
//! It costs nothing where it is not used: an intercepted hostcall is closed at the gate, and only
//! closed ones look whether someone intercepts.

use std::rc::Rc;

use tollgate_abi::Status;

use crate::Vm;
use crate::hostcalls::{Hostcall, ReturnSlice, Stop};
use crate::imports::{Family, Import, Param};
use crate::record;

/// Hears of each `proxy_*` hostcall before the runtime does, and may answer it.
pub trait HostcallInterceptor {
    /// Returns the answer that the guest gets; `None` leaves the hostcall to the runtime.
    fn intercept(&self, hostcall: &'static str) -> Option<Intercepted>;
}

/// An answer in place of the runtime's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intercepted {
    /// This status, and nothing done or returned; it may be one that the ABI does not know.
    Status(u32),
    /// `Ok` with these bytes in a block of the guest's allocator. Of a hostcall that returns no
    /// bytes only the status counts.
    Bytes(Vec<u8>),
    /// `Ok` with an address and size that name whatever they name.
    Block {
        /// Address in the guest's memory.
        address: u32,
        /// Size in bytes.
        size: u32,
    },
}

impl Vm {
    /// Has the hostcalls of all callbacks from now on pass `interceptor`.
    pub fn intercept_hostcalls(&mut self, interceptor: Rc<dyn HostcallInterceptor>) {
        let state = self.guest_state_mut();
        state.gate.watch(|import| import.family == Family::Proxy);
        state.interceptor = Some(interceptor);
    }
}

/// Answers a hostcall in the runtime's place, if its interceptor wants to.
#[cold]
pub(crate) fn intercepted(
    call: &mut Hostcall<'_>,
    import: &'static Import,
    arguments: &[u64],
) -> Option<Result<u32, wasmtime::Error>> {
    if call.state().player.is_some() {
        return Some(record::play(call, import, arguments));
    }
    let interceptor = call.state().interceptor.clone()?;
    let answer = interceptor.intercept(import.name)?;
    Some(
        match write_answer(call, answer, returned(import, arguments)) {
            Ok(status) => Ok(status),
            Err(Stop::Refused(refusal)) => Ok(refusal.status.to_u32()),
            Err(Stop::Trapped(error)) => Err(error),
        },
    )
}

fn write_answer(
    call: &mut Hostcall<'_>,
    answer: Intercepted,
    result: Option<ReturnSlice>,
) -> Result<u32, Stop> {
    match (answer, result) {
        (Intercepted::Status(status), _) => return Ok(status),
        (Intercepted::Bytes(bytes), Some(result)) => call.return_bytes(&bytes, result)?,
        (Intercepted::Block { address, size }, Some(result)) => {
            call.write_u32(result.ptr, address)?;
            call.write_u32(result.size, size)?;
        }
        (Intercepted::Bytes(_) | Intercepted::Block { .. }, None) => {}
    }
    Ok(Status::Ok.to_u32())
}

/// Where a hostcall wants the address and size of returned bytes, if it returns any.
fn returned(import: &Import, arguments: &[u64]) -> Option<ReturnSlice> {
    let mut arguments = arguments
        .iter()
        .map(|argument| u32::try_from(*argument).ok());
    let mut address = None;
    for param in import.params {
        let first = arguments.next()??;
        match param {
            Param::Bytes(_) | Param::Pairs(_) => {
                arguments.next();
            }
            Param::Out(name) if name.ends_with("_ptr") => address = Some(first),
            Param::Out(name) if name.ends_with("_size") => {
                return Some(ReturnSlice::new(address?, first));
            }
            Param::Number(_)
            | Param::Long(_)
            | Param::Level
            | Param::Map
            | Param::Buffer
            | Param::Stream
            | Param::Out(_) => {}
        }
    }
    None
}
