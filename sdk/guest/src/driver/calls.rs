//! HTTP callouts in flight: who awaits which token.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tollgate_abi::{BufferType, MapType};

use super::{install, wake, with};
use crate::header::{HeaderValue, Headers};
use crate::http::{CalloutError, CalloutRequest, CalloutResponse};
use crate::module_static::module_static;
use crate::sys;

type Outcome = Result<CalloutResponse, CalloutError>;

/// A callout between its hostcall and its future's end.
struct Call {
    token: u32,
    /// Whether its future knows the token: not yet, if the response came within the hostcall.
    claimed: bool,
    waker: Waker,
    outcome: Option<Outcome>,
}

/// What `proxy_on_http_call_response` says.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The token of the callout.
    pub token: u32,
    /// 0 when the callout failed.
    pub num_headers: u32,
    /// Size of the body.
    pub body_size: usize,
    /// Number of trailers.
    pub num_trailers: u32,
}

type Receiver = fn(Response);

module_static! {
    static CALLS: Cell<Vec<Call>> = Cell::new(Vec::new());
    // True inside the hostcall: a host that answers before it returns the token is heard.
    static DISPATCHING: Cell<bool> = Cell::new(false);
    // Set by the first callout, so that a filter without callouts does not contain the code that
    // receives them, although its module exports the callback.
    static RECEIVER: Cell<Option<Receiver>> = Cell::new(None);
}

/// Receives a response from the host. A token that nobody awaits any more is ignored.
pub fn on_response(response: Response) {
    if let Some(receive) = RECEIVER.get() {
        receive(response);
    }
}

fn receive(response: Response) {
    let Response { token, .. } = response;
    let awaited = with(&CALLS, |calls| calls.iter().any(|call| call.token == token));
    if !awaited && !DISPATCHING.get() {
        return;
    }
    // The host shows the response during this callback only.
    let outcome = read(response);
    if let Some(waker) = store(token, outcome) {
        waker.wake();
        wake::settle();
    }
}

/// Stores the outcome and returns whom to tell; `None` while the token is not yet known to anyone.
fn store(token: u32, outcome: Outcome) -> Option<Waker> {
    with(&CALLS, |calls| {
        if let Some(call) = calls.iter_mut().find(|call| call.token == token) {
            call.outcome = Some(outcome);
            return Some(call.waker.clone());
        }
        if !DISPATCHING.get() {
            // Dropped while the host showed the response.
            return None;
        }
        calls.push(Call {
            token,
            claimed: false,
            waker: Waker::noop().clone(),
            outcome: Some(outcome),
        });
        None
    })
}

fn read(response: Response) -> Outcome {
    if response.num_headers == 0 {
        return Err(CalloutError::Reset);
    }
    let headers = sys::map_pairs(MapType::HttpCallResponseHeaders);
    let body = match response.body_size {
        0 => Ok(Vec::new()),
        size => sys::buffer_bytes(BufferType::HttpCallResponseBody, 0, size),
    };
    let trailers = match response.num_trailers {
        0 => Ok(Vec::new()),
        _ => sys::map_pairs(MapType::HttpCallResponseTrailers),
    };
    Ok(CalloutResponse {
        headers: Headers::from_serialized(headers.map_err(CalloutError::Refused)?),
        body: HeaderValue::from(body.map_err(CalloutError::Refused)?),
        trailers: Headers::from_serialized(trailers.map_err(CalloutError::Refused)?),
    })
}

/// Exchanges the thread's callouts with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(calls: &mut Saved) {
    calls.0 = CALLS.replace(std::mem::take(&mut calls.0));
}

/// The callouts of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Vec<Call>);

/// Returns how many callouts are awaited.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn in_flight() -> usize {
    with(&CALLS, |calls| calls.len())
}

/// A callout as a future: sent when first polled, forgotten when dropped.
#[derive(Debug)]
#[must_use = "a callout is sent when it is awaited"]
pub struct Callout(State);

#[derive(Debug)]
enum State {
    Unsent(CalloutRequest),
    Sent(u32),
    Done,
}

impl Callout {
    pub(crate) const fn new(request: CalloutRequest) -> Self {
        Self(State::Unsent(request))
    }
}

impl Future for Callout {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let State::Unsent(request) = &self.0 {
            match send(request) {
                Ok(token) => self.0 = State::Sent(token),
                Err(error) => {
                    self.0 = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let State::Sent(token) = self.0 else {
            // Polled after it was ready: there is nothing left to wait for.
            return Poll::Ready(Err(CalloutError::Reset));
        };
        match take_outcome(token, cx.waker()) {
            Some(outcome) => {
                self.0 = State::Done;
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Callout {
    fn drop(&mut self) {
        if let State::Sent(token) = self.0 {
            let _forgotten = with(&CALLS, |calls| take(calls, token));
        }
    }
}

/// Makes the hostcall and registers who awaits it.
fn send(request: &CalloutRequest) -> Result<u32, CalloutError> {
    install(&RECEIVER, receive as Receiver);
    let nested = DISPATCHING.replace(true);
    let made = request.dispatch();
    DISPATCHING.set(nested);
    with(&CALLS, |calls| {
        if let Ok(token) = made {
            claim(calls, token);
        }
        if !nested {
            // Responses to what nobody has sent.
            calls.retain(|call| call.claimed);
        }
    });
    made
}

/// Notes that a token is awaited; its response may have come early.
fn claim(calls: &mut Vec<Call>, token: u32) {
    match calls.iter_mut().find(|call| call.token == token) {
        Some(early) => early.claimed = true,
        None => calls.push(Call {
            token,
            claimed: true,
            waker: Waker::noop().clone(),
            outcome: None,
        }),
    }
}

/// Takes the outcome if it is there, and remembers whom to wake if not.
fn take_outcome(token: u32, waker: &Waker) -> Option<Outcome> {
    with(&CALLS, |calls| {
        let call = calls.iter_mut().find(|call| call.token == token)?;
        if call.outcome.is_none() {
            call.waker.clone_from(waker);
            return None;
        }
        take(calls, token)?.outcome
    })
}

fn take(calls: &mut Vec<Call>, token: u32) -> Option<Call> {
    calls.extract_if(.., |call| call.token == token).next()
}
