//! Gate: which imports a guest may call right now, as one set that a hostcall tests with one bit.

use std::collections::BTreeSet;

use super::{Family, Import, all};

/// A time in which only some imports may be called. Calling another one traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// A callback runs: everything the capabilities allow.
    Open,
    /// The start functions run.
    Start,
    /// The allocator runs.
    Allocator,
}

const ALLOCATOR: &[&str] = &["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"];

/// What is left out here of WASI (`proc_exit`, `fd_close`, `fd_seek`, `fd_read`, `sched_yield`,
/// `path_open`) Envoy leaves out too.
const START: &[&str] = &[
    "emscripten_notify_memory_growth",
    "proxy_log",
    "fd_write",
    "args_sizes_get",
    "args_get",
    "environ_sizes_get",
    "environ_get",
    "clock_time_get",
    "random_get",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "clock_res_get",
    "poll_oneoff",
    "fd_advise",
    "fd_allocate",
    "fd_datasync",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_pwrite",
    "fd_readdir",
    "fd_renumber",
    "fd_sync",
    "fd_tell",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// Why an import may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Not in this window: the guest traps.
    ByWindow(Window),
    /// Not among the plugin's capabilities: the guest gets a status.
    ByCapability,
}

/// Which imports may be called now.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    open: u128,
    capabilities: u128,
    start: u128,
    allocator: u128,
    /// What somebody intercepts: closed, so that only the way of closed calls looks.
    watched: u128,
    window: Window,
}

impl Gate {
    pub(crate) fn new(allowed: Option<&BTreeSet<String>>) -> Self {
        let capabilities = match allowed.filter(|names| !names.is_empty()) {
            None => u128::MAX,
            Some(names) => {
                set(|import| import.family == Family::Unrestricted || names.contains(import.name))
            }
        };
        Self {
            open: capabilities,
            capabilities,
            start: set(|import| START.contains(&import.name)),
            allocator: set(|import| ALLOCATOR.contains(&import.name)),
            watched: 0,
            window: Window::Open,
        }
    }

    /// Opens a window and returns the one before it.
    pub(crate) const fn enter(&mut self, window: Window) -> Window {
        let before = self.window;
        self.window = window;
        self.open = self.capabilities & self.of(window) & !self.watched;
        before
    }

    pub(crate) const fn window(&self) -> Window {
        self.window
    }

    /// Closes functions in such a way that [`is_watched`](Self::is_watched) shows it.
    pub(crate) fn watch(&mut self, member: impl Fn(&Import) -> bool) {
        self.watched |= set(member);
        self.enter(self.window);
    }

    /// Returns whether an import that is not permitted would be, if nobody watched it.
    pub(crate) const fn is_watched(&self, import: &Import) -> bool {
        self.watched & self.capabilities & self.of(self.window) & import.bit() != 0
    }

    const fn of(&self, window: Window) -> u128 {
        match window {
            Window::Open => u128::MAX,
            Window::Start => self.start,
            Window::Allocator => self.allocator,
        }
    }

    pub(crate) const fn permits(&self, import: &Import) -> bool {
        self.open & import.bit() != 0
    }

    /// Returns why an import that is not permitted is not; the window's word comes first.
    pub(crate) const fn reason(&self, import: &Import) -> Closed {
        if self.of(self.window) & import.bit() == 0 {
            Closed::ByWindow(self.window)
        } else {
            Closed::ByCapability
        }
    }
}

fn set(member: impl Fn(&Import) -> bool) -> u128 {
    all()
        .filter(|import| member(import))
        .fold(0, |set, import| set | import.bit())
}
