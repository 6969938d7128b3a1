//! File descriptors: 1 and 2 are the log, all others are unknown.

use tollgate_abi::LogLevel;
use tollgate_abi::wasi::{EBADF, EFAULT, ENOSYS, ENOTSUP};

use super::{ENOTDIR, WasiResult, fault, wasi};
use crate::hostcalls::{GuestSlice, Hostcall, Linking};
use crate::imports::wasi as imports;

/// `fd_write` is the only right that standard output and error have.
const RIGHT_FD_WRITE: u64 = 1 << 6;

/// Most bytes of one log record, so that a guest cannot make the host gather its whole memory
/// many times over. More is a short write, which every libc goes on from.
const MAX_RECORD: usize = 1024 * 1024;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    link_writes(linking)?;
    link_status(linking)?;
    link_files(linking)
}

fn link_writes(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::FD_WRITE,
        |call, fd: u32, iovs: u32, len: u32, written: u32| {
            write(call, fd, (iovs, len), written)
        }
    );
    wasi!(
        linking,
        imports::FD_PWRITE,
        |call, fd: u32, iovs: u32, len: u32, _offset: u64, written: u32| {
            write(call, fd, (iovs, len), written)
        }
    );
    wasi!(
        linking,
        imports::FD_SEEK,
        |_call, _fd: u32, _offset: u64, _whence: u32, _to: u32| { Ok(()) }
    );
    wasi!(linking, imports::FD_CLOSE, |_call, _fd: u32| { Ok(()) });
    wasi!(linking, imports::FD_SYNC, |_call, fd: u32| {
        output(fd).map(drop)
    });
    wasi!(linking, imports::FD_DATASYNC, |_call, fd: u32| {
        output(fd).map(drop)
    });
    Ok(())
}

fn link_status(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::FD_FDSTAT_GET,
        |call, fd: u32, result: u32| {
            output(fd)?;
            let mut stat = [0; 24];
            if let Some(rights) = stat.get_mut(8..16) {
                rights.copy_from_slice(&RIGHT_FD_WRITE.to_le_bytes());
            }
            // A bad pointer is no error here: that is how Envoy does it.
            let _ignored = call.write(result, &stat);
            Ok(())
        }
    );
    wasi!(
        linking,
        imports::FD_FDSTAT_SET_FLAGS,
        |_call, _fd: u32, _flags: u32| { Err(ENOSYS) }
    );
    wasi!(
        linking,
        imports::FD_FDSTAT_SET_RIGHTS,
        |_call, fd: u32, _base: u64, _inheriting: u64| { output(fd).map(drop) }
    );
    wasi!(
        linking,
        imports::FD_FILESTAT_GET,
        |_call, _fd: u32, _stat: u32| { Err(EBADF) }
    );
    wasi!(
        linking,
        imports::FD_FILESTAT_SET_SIZE,
        |_call, fd: u32, _size: u64| { output(fd).map(drop) }
    );
    wasi!(
        linking,
        imports::FD_FILESTAT_SET_TIMES,
        |_call, fd: u32, _atim: u64, _mtim: u64, _flags: u32| { output(fd).map(drop) }
    );
    // EBADF ends libc's search for preopened directories.
    wasi!(
        linking,
        imports::FD_PRESTAT_GET,
        |_call, _fd: u32, _stat: u32| { Err(EBADF) }
    );
    wasi!(
        linking,
        imports::FD_PRESTAT_DIR_NAME,
        |_call, _fd: u32, _path: u32, _size: u32| { Err(ENOSYS) }
    );
    wasi!(linking, imports::FD_TELL, |call, fd: u32, result: u32| {
        output(fd)?;
        call.write_u64(result, 0).map_err(fault)
    });
    Ok(())
}

fn link_files(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    wasi!(
        linking,
        imports::FD_READ,
        |_call, _fd: u32, _iovs: u32, _len: u32, _read: u32| { Err(ENOSYS) }
    );
    wasi!(
        linking,
        imports::FD_PREAD,
        |_call, _fd: u32, _iovs: u32, _len: u32, _offset: u64, _read: u32| { Err(ENOSYS) }
    );
    wasi!(
        linking,
        imports::FD_ADVISE,
        |_call, _fd: u32, _offset: u64, _len: u64, _advice: u32| { Ok(()) }
    );
    wasi!(
        linking,
        imports::FD_ALLOCATE,
        |_call, fd: u32, _offset: u64, _len: u64| { output(fd).map(drop) }
    );
    wasi!(
        linking,
        imports::FD_READDIR,
        |call, _fd: u32, _buffer: u32, _size: u32, _cookie: u64, used: u32| {
            call.write_u32(used, 0).map_err(fault)?;
            Err(ENOTDIR)
        }
    );
    wasi!(
        linking,
        imports::FD_RENUMBER,
        |_call, from: u32, to: u32| {
            output(from)?;
            output(to)?;
            Err(ENOTSUP)
        }
    );
    Ok(())
}

/// Returns the level at which a descriptor logs.
const fn output(fd: u32) -> Result<LogLevel, i32> {
    match fd {
        1 => Ok(LogLevel::Info),
        2 => Ok(LogLevel::Error),
        _ => Err(EBADF),
    }
}

/// Writes one log record, whatever line ends it contains; the last one is taken off.
fn write(call: &mut Hostcall<'_>, fd: u32, iovs: (u32, u32), written: u32) -> WasiResult {
    let level = output(fd)?;
    let mut record = std::mem::take(&mut call.state_mut().value);
    record.clear();
    let gathered = gather(call, iovs, &mut record);
    if gathered.is_ok() && !record.is_empty() {
        let text = record.strip_suffix(b"\n").unwrap_or(&record);
        if level == LogLevel::Error {
            call.state_mut().history.note_stderr(&record);
        }
        call.state().log(level, text);
    }
    let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
    call.state_mut().keep_value(record);
    gathered?;
    call.write_u32(written, len).map_err(fault)
}

/// Appends what the vectors point at: pointer and size, each 4 bytes.
fn gather(call: &mut Hostcall<'_>, (iovs, len): (u32, u32), out: &mut Vec<u8>) -> WasiResult {
    let (memory, _) = call.split();
    let size = len.checked_mul(8).ok_or(EFAULT)?;
    let vectors = GuestSlice::new(iovs, size)
        .read(memory)
        .map_err(|_| EFAULT)?;
    let (vectors, _) = vectors.as_chunks::<8>();
    for [p0, p1, p2, p3, s0, s1, s2, s3] in vectors {
        let ptr = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
        let size = u32::from_le_bytes([*s0, *s1, *s2, *s3]);
        let room = MAX_RECORD.saturating_sub(out.len());
        if size != 0 && room != 0 {
            let bytes = GuestSlice::new(ptr, size)
                .read(memory)
                .map_err(|_| EFAULT)?;
            out.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }
    Ok(())
}
