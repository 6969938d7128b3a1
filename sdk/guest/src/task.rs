//! Futures of a filter: timers, timeouts, waiting for several things, and work beside a request.
//!
//! ```
//! use std::time::Duration;
//! use tollgate::http::{self, CalloutError};
//! use tollgate::task;
//!
//! async fn ask_both() -> Result<u16, CalloutError> {
//!     let (user, quota) = task::join(
//!         http::get("users", "/me").send(),
//!         task::timeout(Duration::from_millis(50), http::get("quotas", "/me").send()),
//!     )
//!     .await;
//!     let quota = quota.map_or(429, |answer| answer.map_or(503, |answer| answer.status()));
//!     Ok(user?.status().max(quota))
//! }
//! ```
//!
//! Any future can be awaited, also those of other crates: they are polled again when their waker
//! is called.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::driver::{Place, tasks, timers};

/// Runs a future beside the request or tick that calls this, until it ends or the plugin does.
pub fn spawn(work: impl Future<Output = ()> + 'static) {
    tasks::spawn(Place::here().root, Box::pin(work));
}

/// Waits for so long, by the host's timer: in whole milliseconds and at least one.
///
/// Without timers it says so in the log and is ready at once: on a host that has none, and in a
/// stream that has a memory of its own (see [`plugins!`](crate::plugins)).
pub const fn sleep(duration: Duration) -> Sleep {
    Sleep(Timer::New(duration))
}

/// Sleeps; `false` at once where there are no timers.
pub(crate) async fn has_slept(duration: Duration) -> bool {
    let (mut sleep, mut is_set) = (pin!(sleep(duration)), false);
    poll_fn(move |cx| match sleep.as_mut().poll(cx) {
        Poll::Pending => {
            is_set = true;
            Poll::Pending
        }
        Poll::Ready(()) => Poll::Ready(is_set),
    })
    .await
}

/// The future of [`sleep`].
#[derive(Debug)]
#[must_use = "it sleeps when it is awaited"]
pub struct Sleep(Timer);

#[derive(Debug)]
enum Timer {
    New(Duration),
    Set(u32),
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.0 {
            Timer::New(wait) => {
                let id = timers::register(Place::here().root, wait, cx.waker().clone());
                match id {
                    Ok(id) => {
                        self.0 = Timer::Set(id);
                        Poll::Pending
                    }
                    Err(error) => {
                        error.warn();
                        self.0 = Timer::Over;
                        Poll::Ready(())
                    }
                }
            }
            Timer::Set(id) if timers::is_ahead(id, cx.waker()) => Poll::Pending,
            Timer::Set(_) | Timer::Over => {
                self.0 = Timer::Over;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Timer::Set(id) = self.0 {
            timers::forget(id);
        }
    }
}

/// A future took longer than [`timeout`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is up")
    }
}

impl std::error::Error for Elapsed {}

/// Awaits a future, but no longer than this; it is then dropped, and with it its callouts.
///
/// # Errors
///
/// When the time is up first.
pub async fn timeout<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    match select(work, sleep(limit)).await {
        Either::First(output) => Ok(output),
        Either::Second(()) => Err(Elapsed),
    }
}

/// Awaits both.
pub async fn join<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut one, mut two) = (None, None);
    poll_fn(move |cx| {
        poll_into(&mut one, first.as_mut(), cx);
        poll_into(&mut two, second.as_mut(), cx);
        match (one.take(), two.take()) {
            (Some(one), Some(two)) => Poll::Ready((one, two)),
            (first, second) => {
                (one, two) = (first, second);
                Poll::Pending
            }
        }
    })
    .await
}

/// Awaits all, and returns what they give in their order.
pub async fn join_all<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(|work| (Box::pin(work), None)).collect();
    poll_fn(move |cx| {
        for (work, output) in &mut all {
            poll_into(output, work.as_mut(), cx);
        }
        if all.iter().any(|(_, output)| output.is_none()) {
            return Poll::Pending;
        }
        Poll::Ready(all.drain(..).filter_map(|(_, output)| output).collect())
    })
    .await
}

fn poll_into<F: Future>(output: &mut Option<F::Output>, work: Pin<&mut F>, cx: &mut Context<'_>) {
    if output.is_none()
        && let Poll::Ready(ready) = work.poll(cx)
    {
        *output = Some(ready);
    }
}

/// What [`select`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one of two")]
pub enum Either<A, B> {
    /// The first future was ready, and perhaps the second as well.
    First(A),
    /// The second future was ready.
    Second(B),
}

/// Awaits whichever is ready first, and drops the other.
pub async fn select<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(move |cx| {
        if let Poll::Ready(output) = first.as_mut().poll(cx) {
            return Poll::Ready(Either::First(output));
        }
        second.as_mut().poll(cx).map(Either::Second)
    })
    .await
}
