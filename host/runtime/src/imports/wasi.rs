//! The functions of WASI preview 1, with the standard types.

use tollgate_abi::AbiVersion;

use super::Param::{Bytes, Long, Number, Out};
use super::imports;

const EVERY: &[AbiVersion] = AbiVersion::ALL;

imports! {
    46;
    ARGS_GET = "args_get", Wasi, EVERY, true, [Out("argv"), Out("buffer")];
    ARGS_SIZES_GET = "args_sizes_get", Wasi, EVERY, true, [Out("count"), Out("size")];
    ENVIRON_GET = "environ_get", Wasi, EVERY, true, [Out("environ"), Out("buffer")];
    ENVIRON_SIZES_GET = "environ_sizes_get", Wasi, EVERY, true, [Out("count"), Out("size")];
    CLOCK_RES_GET = "clock_res_get", Wasi, EVERY, true, [Number("clock"), Out("resolution")];
    CLOCK_TIME_GET = "clock_time_get", Wasi, EVERY, true, [Number("clock"), Long("precision"), Out("time")];
    FD_ADVISE = "fd_advise", Wasi, EVERY, true, [Number("fd"), Long("offset"), Long("len"), Number("advice")];
    FD_ALLOCATE = "fd_allocate", Wasi, EVERY, true, [Number("fd"), Long("offset"), Long("len")];
    FD_CLOSE = "fd_close", Wasi, EVERY, true, [Number("fd")];
    FD_DATASYNC = "fd_datasync", Wasi, EVERY, true, [Number("fd")];
    FD_FDSTAT_GET = "fd_fdstat_get", Wasi, EVERY, true, [Number("fd"), Out("stat")];
    FD_FDSTAT_SET_FLAGS = "fd_fdstat_set_flags", Wasi, EVERY, true, [Number("fd"), Number("flags")];
    FD_FDSTAT_SET_RIGHTS = "fd_fdstat_set_rights", Wasi, EVERY, true,
        [Number("fd"), Long("base"), Long("inheriting")];
    FD_FILESTAT_GET = "fd_filestat_get", Wasi, EVERY, true, [Number("fd"), Out("stat")];
    FD_FILESTAT_SET_SIZE = "fd_filestat_set_size", Wasi, EVERY, true, [Number("fd"), Long("size")];
    FD_FILESTAT_SET_TIMES = "fd_filestat_set_times", Wasi, EVERY, true,
        [Number("fd"), Long("atim"), Long("mtim"), Number("flags")];
    FD_PREAD = "fd_pread", Wasi, EVERY, true,
        [Number("fd"), Number("iovs"), Number("iovs_len"), Long("offset"), Out("read")];
    FD_PRESTAT_GET = "fd_prestat_get", Wasi, EVERY, true, [Number("fd"), Out("stat")];
    FD_PRESTAT_DIR_NAME = "fd_prestat_dir_name", Wasi, EVERY, true, [Number("fd"), Out("path"), Number("size")];
    FD_PWRITE = "fd_pwrite", Wasi, EVERY, true,
        [Number("fd"), Number("iovs"), Number("iovs_len"), Long("offset"), Out("written")];
    FD_READ = "fd_read", Wasi, EVERY, true, [Number("fd"), Number("iovs"), Number("iovs_len"), Out("read")];
    FD_READDIR = "fd_readdir", Wasi, EVERY, true,
        [Number("fd"), Out("buffer"), Number("size"), Long("cookie"), Out("used")];
    FD_RENUMBER = "fd_renumber", Wasi, EVERY, true, [Number("from"), Number("to")];
    FD_SEEK = "fd_seek", Wasi, EVERY, true, [Number("fd"), Long("offset"), Number("whence"), Out("position")];
    FD_SYNC = "fd_sync", Wasi, EVERY, true, [Number("fd")];
    FD_TELL = "fd_tell", Wasi, EVERY, true, [Number("fd"), Out("position")];
    FD_WRITE = "fd_write", Wasi, EVERY, true, [Number("fd"), Number("iovs"), Number("iovs_len"), Out("written")];
    PATH_CREATE_DIRECTORY = "path_create_directory", Wasi, EVERY, true, [Number("fd"), Bytes("path")];
    PATH_FILESTAT_GET = "path_filestat_get", Wasi, EVERY, true,
        [Number("fd"), Number("flags"), Bytes("path"), Out("stat")];
    PATH_FILESTAT_SET_TIMES = "path_filestat_set_times", Wasi, EVERY, true,
        [Number("fd"), Number("flags"), Bytes("path"), Long("atim"), Long("mtim"), Number("fst_flags")];
    PATH_LINK = "path_link", Wasi, EVERY, true,
        [Number("old_fd"), Number("old_flags"), Bytes("old_path"), Number("new_fd"), Bytes("new_path")];
    PATH_OPEN = "path_open", Wasi, EVERY, true,
        [Number("fd"), Number("dirflags"), Bytes("path"), Number("oflags"), Long("base"), Long("inheriting"),
         Number("fdflags"), Out("opened")];
    PATH_READLINK = "path_readlink", Wasi, EVERY, true,
        [Number("fd"), Bytes("path"), Out("buffer"), Number("size"), Out("used")];
    PATH_REMOVE_DIRECTORY = "path_remove_directory", Wasi, EVERY, true, [Number("fd"), Bytes("path")];
    PATH_RENAME = "path_rename", Wasi, EVERY, true,
        [Number("fd"), Bytes("old_path"), Number("new_fd"), Bytes("new_path")];
    PATH_SYMLINK = "path_symlink", Wasi, EVERY, true, [Bytes("old_path"), Number("fd"), Bytes("new_path")];
    PATH_UNLINK_FILE = "path_unlink_file", Wasi, EVERY, true, [Number("fd"), Bytes("path")];
    POLL_ONEOFF = "poll_oneoff", Wasi, EVERY, true,
        [Number("subscriptions"), Out("events"), Number("count"), Out("nevents")];
    PROC_EXIT = "proc_exit", Wasi, EVERY, false, [Number("code")];
    PROC_RAISE = "proc_raise", Wasi, EVERY, true, [Number("signal")];
    RANDOM_GET = "random_get", Wasi, EVERY, true, [Out("buffer"), Number("size")];
    SCHED_YIELD = "sched_yield", Wasi, EVERY, true, [];
    SOCK_ACCEPT = "sock_accept", Wasi, EVERY, true, [Number("fd"), Number("flags"), Out("accepted")];
    SOCK_RECV = "sock_recv", Wasi, EVERY, true,
        [Number("fd"), Number("iovs"), Number("iovs_len"), Number("flags"), Out("received"), Out("out_flags")];
    SOCK_SEND = "sock_send", Wasi, EVERY, true,
        [Number("fd"), Number("iovs"), Number("iovs_len"), Number("flags"), Out("sent")];
    SOCK_SHUTDOWN = "sock_shutdown", Wasi, EVERY, true, [Number("fd"), Number("how")];
}
