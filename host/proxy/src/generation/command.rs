//! `Command`: what the controller tells workers.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::Generation;
use crate::error::ServerError;
use crate::listener::ListenerKey;

/// New sockets of one worker.
pub(crate) type Sockets = Vec<(ListenerKey, TcpListener)>;

/// What a worker is to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Prepare a generation beside what is served, and say how it went.
    Prepare {
        generation: Arc<Generation>,
        sockets: Sockets,
        ready: Sender<Result<(), ServerError>>,
    },
    /// Drop what was prepared.
    Discard,
    /// Serve what was prepared. What was served before may be returned to, and has this time to
    /// drain.
    Publish { drain: Duration, done: Sender<()> },
    /// Serve again what was served before.
    Return {
        sockets: Sockets,
        drain: Duration,
        done: Sender<()>,
    },
    /// What was served before will not be returned to.
    Release,
}
