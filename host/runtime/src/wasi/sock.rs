//! Sockets: there are none.

use tollgate_abi::wasi::ENOTSUP;

use super::{fault, wasi};
use crate::hostcalls::Linking;
use crate::imports::wasi as imports;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::SOCK_ACCEPT,
        |call, _fd: u32, _flags: u32, accepted: u32| {
            call.write_u32(accepted, 0).map_err(fault)?;
            Err(ENOTSUP)
        }
    );
    wasi!(
        linking,
        imports::SOCK_RECV,
        |call, _fd: u32, _iovs: u32, _len: u32, _flags: u32, received: u32, out_flags: u32| {
            call.write_u32(received, 0).map_err(fault)?;
            call.write(out_flags, &[0; 2]).map_err(fault)?;
            Err(ENOTSUP)
        }
    );
    wasi!(
        linking,
        imports::SOCK_SEND,
        |call, _fd: u32, _iovs: u32, _len: u32, _flags: u32, sent: u32| {
            call.write_u32(sent, 0).map_err(fault)?;
            Err(ENOTSUP)
        }
    );
    wasi!(
        linking,
        imports::SOCK_SHUTDOWN,
        |_call, _fd: u32, _how: u32| { Err(ENOTSUP) }
    );
    Ok(())
}
