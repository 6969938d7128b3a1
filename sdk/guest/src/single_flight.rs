//! `SingleFlight`: work that many requests need and one does.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::task;

/// Does some work once for all who ask while it is under way.
///
/// It runs under the plugin's root context, so it goes on when the request that began it ends.
///
/// ```
/// use tollgate::http::{self, CalloutError};
/// use tollgate::{Reject, SingleFlight};
///
/// struct Keys {
///     fetch: SingleFlight<Result<Vec<u8>, CalloutError>>,
/// }
///
/// impl Keys {
///     async fn get(&self) -> Result<Vec<u8>, Reject> {
///         let fetch = || async {
///             let answer = http::get("idp", "/jwks").send().await?;
///             Ok(answer.body().to_vec())
///         };
///         Ok(self.fetch.run(fetch).await?)
///     }
/// }
/// ```
pub struct SingleFlight<T> {
    current: Cell<Option<Rc<Flight<T>>>>,
}

impl<T> std::fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}

/// One run of the work.
struct Flight<T> {
    result: Cell<Option<T>>,
    waiters: Cell<Vec<Waker>>,
    ended: Cell<bool>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> SingleFlight<T> {
    /// Makes one; `T` is what everybody gets a clone of.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            current: Cell::new(None),
        }
    }
}

impl<T: Clone + 'static> SingleFlight<T> {
    /// Awaits the result of the work that is under way, or begins it.
    pub fn run<M, W>(&self, work: M) -> impl Future<Output = T> + use<T, M, W>
    where
        M: FnOnce() -> W,
        W: Future<Output = T> + 'static,
    {
        let current = self.current.take().filter(|flight| !flight.ended.get());
        let flight = current.unwrap_or_else(|| Flight::begin(work()));
        self.current.set(Some(Rc::clone(&flight)));
        Landing(flight)
    }
}

impl<T: Clone + 'static> Flight<T> {
    fn begin<W: Future<Output = T> + 'static>(work: W) -> Rc<Self> {
        let flight = Rc::new(Self {
            result: Cell::new(None),
            waiters: Cell::new(Vec::new()),
            ended: Cell::new(false),
        });
        let landing = Rc::clone(&flight);
        task::spawn(async move {
            let result = work.await;
            landing.result.set(Some(result));
            landing.ended.set(true);
            for waiter in landing.waiters.take() {
                waiter.wake();
            }
        });
        flight
    }
}

/// The end of a flight, as one of those who await it sees it.
struct Landing<T>(Rc<Flight<T>>);

impl<T: Clone> Future for Landing<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let flight = &self.0;
        let result = flight.result.take();
        flight.result.set(result.clone());
        if let Some(result) = result {
            return Poll::Ready(result);
        }
        let mut waiters = flight.waiters.take();
        if !waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
            waiters.push(cx.waker().clone());
        }
        flight.waiters.set(waiters);
        Poll::Pending
    }
}
