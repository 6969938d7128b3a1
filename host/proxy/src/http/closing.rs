//! `Closing`: the wish that a connection, or the task of an HTTP/2 stream, ends.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::worker;

/// How soon something is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// Not at all.
    #[default]
    Never,
    /// When what has begun is done.
    Gracefully,
    /// As it is.
    AtOnce,
}

/// The wish that something ends. It is looked at with every event of a connection, for which a
/// `Notify` would take a lock each time.
#[derive(Default)]
pub(super) struct Closing {
    wish: Cell<Wish>,
    waker: Cell<Option<Waker>>,
}

impl Closing {
    /// Asks for an end. What was asked before stays, if that was sooner.
    pub(super) fn ask(&self, wish: Wish) {
        self.wish.set(wish.max(self.wish.get()));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn wish(&self) -> Wish {
        self.wish.get()
    }

    /// Returns the wish as soon as it goes beyond one that is known.
    pub(super) fn poll_beyond(&self, known: Wish, cx: &Context<'_>) -> Poll<Wish> {
        let wish = self.wish.get();
        if wish > known {
            return Poll::Ready(wish);
        }
        let waker = self.waker.take();
        let waker = waker.filter(|waker| waker.will_wake(cx.waker()));
        self.waker
            .set(Some(waker.unwrap_or_else(|| cx.waker().clone())));
        Poll::Pending
    }
}

tokio::task_local! {
    /// The end of the task that runs.
    static OWN_TASK: Rc<Closing>;
}

/// Returns what ends the task that runs, if it serves one stream of HTTP/2.
pub(super) fn own_task() -> Option<Rc<Closing>> {
    OWN_TASK.try_with(Rc::clone).ok()
}

/// Starts the tasks of HTTP/2 streams, so that each can be ended from without: while a client takes
/// nothing, hyper does not ask a body whether it is to be reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for StreamExecutor {
    fn execute(&self, task: F) {
        let closing = Rc::<Closing>::default();
        let own = Rc::clone(&closing);
        worker::spawn(OWN_TASK.scope(own, async move {
            tokio::select! {
                biased;
                _ = poll_fn(|cx| closing.poll_beyond(Wish::Gracefully, cx)) => {}
                () = task => {}
            }
        }));
    }
}
