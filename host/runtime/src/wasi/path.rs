//! Paths: there is no file system.

use tollgate_abi::wasi::{ENOENT, ENOTSUP};

use super::{fault, wasi};
use crate::hostcalls::Linking;
use crate::imports::wasi as imports;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::PATH_OPEN,
        |_call,
         _fd: u32,
         _dirflags: u32,
         _path: u32,
         _size: u32,
         _oflags: u32,
         _base: u64,
         _inheriting: u64,
         _fdflags: u32,
         _opened: u32| { Err(ENOENT) }
    );
    wasi!(
        linking,
        imports::PATH_READLINK,
        |call, _fd: u32, _path: u32, _size: u32, _buffer: u32, _buffer_size: u32, used: u32| {
            call.write_u32(used, 0).map_err(fault)?;
            Err(ENOTSUP)
        }
    );
    wasi!(
        linking,
        imports::PATH_CREATE_DIRECTORY,
        |_call, _fd: u32, _path: u32, _size: u32| { Err(ENOTSUP) }
    );
    wasi!(
        linking,
        imports::PATH_REMOVE_DIRECTORY,
        |_call, _fd: u32, _path: u32, _size: u32| { Err(ENOTSUP) }
    );
    wasi!(
        linking,
        imports::PATH_UNLINK_FILE,
        |_call, _fd: u32, _path: u32, _size: u32| { Err(ENOTSUP) }
    );
    wasi!(
        linking,
        imports::PATH_FILESTAT_GET,
        |_call, _fd: u32, _flags: u32, _path: u32, _size: u32, _stat: u32| { Err(ENOTSUP) }
    );
    wasi!(
        linking,
        imports::PATH_FILESTAT_SET_TIMES,
        |_call,
         _fd: u32,
         _flags: u32,
         _path: u32,
         _size: u32,
         _atim: u64,
         _mtim: u64,
         _fst: u32| { Err(ENOTSUP) }
    );
    link_two_paths(linking)
}

fn link_two_paths(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::PATH_LINK,
        |_call,
         _fd: u32,
         _flags: u32,
         _path: u32,
         _size: u32,
         _new: u32,
         _to: u32,
         _to_size: u32| { Err(ENOTSUP) }
    );
    wasi!(
        linking,
        imports::PATH_RENAME,
        |_call, _fd: u32, _path: u32, _size: u32, _new: u32, _to: u32, _to_size: u32| {
            Err(ENOTSUP)
        }
    );
    wasi!(
        linking,
        imports::PATH_SYMLINK,
        |_call, _path: u32, _size: u32, _fd: u32, _to: u32, _to_size: u32| { Err(ENOTSUP) }
    );
    Ok(())
}
