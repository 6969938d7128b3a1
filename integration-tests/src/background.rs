//! One thread that does all network work, so that scenarios read as plain sequential code.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio::time::timeout;

static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("network".to_owned())
        .spawn(move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            sender
                .send(runtime.handle().clone())
                .expect("the first scenario waits");
            runtime.block_on(std::future::pending::<()>());
        })
        .expect("a thread starts");
    receiver.recv().expect("the network thread answers")
});

/// Starts a task on the network thread.
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    RUNTIME.spawn(future)
}

/// Waits on the caller's thread for a task of the network thread.
pub(crate) fn block_on<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    spawn(async move {
        // The waiting test may have given up.
        drop(sender.send(future.await));
    });
    receiver
        .recv()
        .expect("the task on the network thread ends without a panic")
}

/// As [`block_on`], for what has to happen within a limit.
pub(crate) fn block_on_within<F>(limit: Duration, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    block_on(async move { timeout(limit, future).await })
        .unwrap_or_else(|_| panic!("nothing for {limit:?} on the network"))
}
