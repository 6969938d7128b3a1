//! Signals: those that end the program and the one that reloads, remembered from the moment they
//! are registered.

use std::fmt;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::ServerError;

/// SIGTERM and SIGINT, and SIGHUP for a reload. Register them before anything else: one that comes before ends the program
/// without a drain.
pub struct Signals {
    pub(crate) runtime: Runtime,
    pub(crate) received: Received,
}

/// The signals that have come and have not been looked at.
pub(crate) struct Received {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals from now on, instead of ending the program at once.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn register() -> Result<Self, ServerError> {
        let refuse = |source| ServerError::System {
            what: "the receipt of signals",
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(refuse)?;
        let received = {
            let _guard = runtime.enter();
            let listen = |kind| signal(kind).map_err(refuse);
            Received {
                terminate: listen(SignalKind::terminate())?,
                interrupt: listen(SignalKind::interrupt())?,
                hangup: listen(SignalKind::hangup())?,
            }
        };
        Ok(Self { runtime, received })
    }
}

impl Received {
    /// Waits for the next signal that ends the program; does `reload` for each that reloads. Where
    /// there is nothing to reload, which `reload` tells, that one ends the program too.
    pub(crate) async fn end(&mut self, reload: impl Fn() -> bool) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    if !reload() {
                        return;
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}
