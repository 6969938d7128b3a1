//! `QuietWaker`: wakes the task of an HTTP/1 connection, but not for what it need not hear.
//!
//! hyper wakes a connection whenever a piece of a response's body is taken, to read the next one.
//! After the last piece there is none: the connection has read it, has gone idle and waits for its
//! socket. Most bodies are one piece, so that every request would have the task run once for nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Wake, Waker};

/// A waker of one task that can be told to keep still. Everything happens on the task's own thread.
#[derive(Debug, Default)]
pub(super) struct QuietWaker {
    task: OnceLock<Waker>,
    is_muted: AtomicBool,
    is_missed: AtomicBool,
}

impl QuietWaker {
    /// Runs a future, which must be all that its task does, with this waker in place of the task's.
    pub(super) async fn drive<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::clone(self));
        poll_fn(|cx| {
            let task = self.task.get_or_init(|| cx.waker().clone());
            debug_assert!(task.will_wake(cx.waker()), "a task has one waker");
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// Keeps still until [`unmute`](Self::unmute).
    pub(super) fn mute(&self) {
        self.is_muted.store(true, Ordering::Relaxed);
    }

    /// Makes up for a wake-up meanwhile, if there is one and it is `wanted`.
    pub(super) fn unmute(&self, wanted: bool) {
        self.is_muted.store(false, Ordering::Relaxed);
        if self.is_missed.load(Ordering::Relaxed) {
            self.is_missed.store(false, Ordering::Relaxed);
            if wanted {
                self.wake_task();
            }
        }
    }

    fn wake_task(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }
}

impl Wake for QuietWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_muted.load(Ordering::Relaxed) {
            self.is_missed.store(true, Ordering::Relaxed);
        } else {
            self.wake_task();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, pending};
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::QuietWaker;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_but_for_what_it_need_not_hear() {
        let (count, quiet) = (Arc::new(Count::default()), Arc::new(QuietWaker::default()));
        let task = Waker::from(Arc::clone(&count));
        let mut driven = pin!(quiet.drive(pending::<()>()));
        assert!(
            driven
                .as_mut()
                .poll(&mut Context::from_waker(&task))
                .is_pending()
        );
        let wakes = || count.0.load(Ordering::Relaxed);
        quiet.wake_by_ref();
        assert_eq!(wakes(), 1);
        for (wanted, expected) in [(true, 2), (false, 2)] {
            quiet.mute();
            quiet.wake_by_ref();
            quiet.wake_by_ref();
            quiet.unmute(wanted);
            assert_eq!(wakes(), expected);
        }
        quiet.mute();
        quiet.unmute(true);
        assert_eq!(wakes(), 2, "what was not wanted is not made up for later");
        quiet.wake_by_ref();
        assert_eq!(wakes(), 3);
    }
}
