//! `Ending`: the signals that end `dev`, whatever it waits for.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, remembered from the moment they are registered.
#[derive(Debug)]
pub(super) struct Ending {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// Takes the signals from now on, instead of ending the program at once.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(super) fn register() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (interrupt, terminate) = {
            let _guard = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            )
        };
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits for something, or returns `None` as soon as a signal comes; what was waited for is
    /// dropped then.
    pub(super) fn or<T>(&mut self, awaited: impl Future<Output = T>) -> Option<T> {
        let Self {
            runtime,
            interrupt,
            terminate,
        } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => None,
                _ = terminate.recv() => None,
                value = awaited => Some(value),
            }
        })
    }
}
