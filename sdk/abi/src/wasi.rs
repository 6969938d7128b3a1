//! WASI preview 1 numbers that a Proxy-Wasm host answers with.

/// Success.
pub const ESUCCESS: i32 = 0;
/// Bad file descriptor.
pub const EBADF: i32 = 8;
/// Bad address.
pub const EFAULT: i32 = 21;
/// Invalid argument.
pub const EINVAL: i32 = 28;
/// No such file or directory.
pub const ENOENT: i32 = 44;
/// Function not implemented.
pub const ENOSYS: i32 = 52;
/// Not supported.
pub const ENOTSUP: i32 = 58;
/// Capabilities insufficient.
pub const ENOTCAPABLE: i32 = 76;

/// The wall clock.
pub const CLOCK_REALTIME: u32 = 0;
/// The clock that never goes back.
pub const CLOCK_MONOTONIC: u32 = 1;
