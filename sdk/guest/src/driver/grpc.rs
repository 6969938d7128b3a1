//! gRPC callouts in flight: what has come for each token, and who awaits it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::task::Waker;

use tollgate_abi::{BufferType, GrpcStatus, MapType, Status};

use super::{install, wake, with};
use crate::error::Error;
use crate::header::{HeaderValue, Headers};
use crate::module_static::module_static;
use crate::sys;

/// Most bytes of messages that may lie unread; a stream with more is cancelled.
const MAX_UNREAD_BYTES: usize = 4 * 1024 * 1024;

/// What comes for a callout.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum GrpcEvent {
    /// `proxy_on_grpc_receive_initial_metadata`
    InitialMetadata,
    /// `proxy_on_grpc_receive`
    Message {
        /// Size of the message.
        size: usize,
    },
    /// `proxy_on_grpc_receive_trailing_metadata`
    TrailingMetadata,
    /// `proxy_on_grpc_close`
    Closed {
        /// The number of the status.
        status: u32,
    },
}

/// A callout between its hostcall and the end of whoever made it.
#[derive(Default)]
struct Call {
    token: u32,
    /// Whether whoever made it knows the token: not yet, if something came within the hostcall.
    claimed: bool,
    waker: Option<Waker>,
    initial: Option<Headers>,
    messages: VecDeque<HeaderValue>,
    unread: usize,
    trailing: Option<Headers>,
    closed: Option<Closed>,
}

/// How a callout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) status: u32,
    pub(crate) message: HeaderValue,
}

type Receiver = fn(u32, GrpcEvent);

module_static! {
    static CALLS: Cell<Vec<Call>> = Cell::new(Vec::new());
    // True inside a hostcall: a host that answers before it returns the token is heard.
    static DISPATCHING: Cell<bool> = Cell::new(false);
    // Set by the first callout, so that a module without any does not contain what receives them.
    static RECEIVER: Cell<Option<Receiver>> = Cell::new(None);
}

/// Receives an event from the host. A token that nobody awaits any more is ignored.
pub fn on_grpc(token: u32, event: GrpcEvent) {
    if let Some(receive) = RECEIVER.get() {
        receive(token, event);
    }
}

fn receive(token: u32, event: GrpcEvent) {
    let known = with(&CALLS, |calls| calls.iter().any(|call| call.token == token));
    if !known && !DISPATCHING.get() {
        return;
    }
    // The host shows what has come during this callback only.
    let news = read(event);
    let (waker, overflows) = with(&CALLS, |calls| {
        if !DISPATCHING.get() && calls.iter().all(|call| call.token != token) {
            // Dropped while the host showed the message.
            return (None, false);
        }
        let call = entry(calls, token);
        news.store(call);
        let overflows = call.unread > MAX_UNREAD_BYTES && call.closed.is_none();
        if overflows {
            let message = HeaderValue::from(b"messages are not read".to_vec());
            let status = GrpcStatus::ResourceExhausted.to_u32();
            call.closed = Some(Closed { status, message });
        }
        (call.waker.clone(), overflows)
    });
    if overflows {
        cancel(token);
    }
    if let Some(waker) = waker {
        waker.wake();
        wake::settle();
    }
}

/// Finds the entry of a token, or makes one for an answer that comes early.
fn entry(calls: &mut Vec<Call>, token: u32) -> &mut Call {
    // Moved to the end, from where it can be borrowed without a second search.
    let known = calls.extract_if(.., |call| call.token == token).next();
    calls.push_mut(known.unwrap_or_else(|| Call {
        token,
        ..Call::default()
    }))
}

/// An event with what it brought.
enum News {
    Initial(Headers),
    Message(HeaderValue),
    Trailing(Headers),
    Closed(Closed),
}

fn read(event: GrpcEvent) -> News {
    let metadata = |map| sys::map_pairs(map).map(Headers::from_serialized);
    let read = match event {
        GrpcEvent::InitialMetadata => {
            metadata(MapType::GrpcReceiveInitialMetadata).map(News::Initial)
        }
        GrpcEvent::TrailingMetadata => {
            metadata(MapType::GrpcReceiveTrailingMetadata).map(News::Trailing)
        }
        GrpcEvent::Message { size: 0 } => Ok(News::Message(HeaderValue::default())),
        GrpcEvent::Message { size } => sys::buffer_bytes(BufferType::GrpcReceiveBuffer, 0, size)
            .map(|bytes| News::Message(HeaderValue::from(bytes))),
        GrpcEvent::Closed { status } => {
            let message = sys::status()
                .map(|(_, message)| message)
                .unwrap_or_default();
            let message = HeaderValue::from(message);
            Ok(News::Closed(Closed { status, message }))
        }
    };
    // What the host announced and does not show ends the callout.
    read.unwrap_or_else(|error| {
        error.warn();
        let message = HeaderValue::from(error.call().as_bytes().to_vec());
        let status = GrpcStatus::Internal.to_u32();
        News::Closed(Closed { status, message })
    })
}

impl News {
    fn store(self, call: &mut Call) {
        match self {
            Self::Initial(metadata) => call.initial = Some(metadata),
            Self::Message(message) => {
                call.unread += message.len();
                call.messages.push_back(message);
            }
            Self::Trailing(metadata) => call.trailing = Some(metadata),
            Self::Closed(closed) => call.closed = Some(closed),
        }
    }
}

/// Makes a callout's hostcall and registers its token.
pub(crate) fn dispatch(make: impl FnOnce() -> Result<u32, Error>) -> Result<u32, Error> {
    install(&RECEIVER, receive as Receiver);
    let nested = DISPATCHING.replace(true);
    let made = make();
    DISPATCHING.set(nested);
    with(&CALLS, |calls| {
        if let Ok(token) = made {
            entry(calls, token).claimed = true;
        }
        if !nested {
            // Answers to what nobody has asked.
            calls.retain(|call| call.claimed);
        }
    });
    made
}

/// What whoever awaits a callout can learn of it now.
pub(crate) enum Progress {
    Message(HeaderValue),
    Closed(Closed),
    Waiting,
}

/// Takes the next message, or tells how the callout ended, or notes whom to wake.
pub(crate) fn next(token: u32, waker: &Waker) -> Progress {
    look(token, |call| {
        if let Some(message) = call.messages.pop_front() {
            call.unread -= message.len();
            return Progress::Message(message);
        }
        if let Some(closed) = &call.closed {
            return Progress::Closed(closed.clone());
        }
        call.waker = Some(waker.clone());
        Progress::Waiting
    })
    .unwrap_or_else(|| Progress::Closed(gone()))
}

/// Returns the initial metadata; `None` while it has not come, and whom to wake is noted.
pub(crate) fn initial(token: u32, waker: &Waker) -> Option<Result<Headers, Closed>> {
    look(token, |call| {
        if let Some(metadata) = &call.initial {
            return Some(Ok(metadata.clone()));
        }
        if let Some(closed) = &call.closed {
            return Some(Err(closed.clone()));
        }
        call.waker = Some(waker.clone());
        None
    })
    .unwrap_or_else(|| Some(Err(gone())))
}

/// Returns the trailing metadata, if it has come.
pub(crate) fn trailing(token: u32) -> Option<Headers> {
    look(token, |call| call.trailing.clone()).flatten()
}

/// Forgets a callout; one that has not ended is taken back.
pub(crate) fn forget(token: u32, is_stream: bool) {
    let call = with(&CALLS, |calls| {
        calls.extract_if(.., |call| call.token == token).next()
    });
    let Some(call) = call else {
        return;
    };
    // A stream that the other side has closed keeps its token until this side closes it too.
    let ended = call.closed.is_some() || (!is_stream && !call.messages.is_empty());
    if !ended || is_stream {
        cancel(token);
    }
}

/// Takes a unary callout off the books: its answer was its end.
pub(crate) fn finish(token: u32) {
    let call = with(&CALLS, |calls| {
        calls.extract_if(.., |call| call.token == token).next()
    });
    drop(call);
}

fn cancel(token: u32) {
    match sys::grpc_cancel(token) {
        // It ended meanwhile.
        Err(error) if !error.is(Status::NotFound) => error.warn(),
        _ => {}
    }
}

fn look<R>(token: u32, look: impl FnOnce(&mut Call) -> R) -> Option<R> {
    with(&CALLS, |calls| {
        calls.iter_mut().find(|call| call.token == token).map(look)
    })
}

/// What a callout is that is not on the books.
fn gone() -> Closed {
    Closed {
        status: GrpcStatus::Cancelled.to_u32(),
        message: HeaderValue::default(),
    }
}

/// The callouts of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Vec<Call>);

/// Exchanges the thread's callouts with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = CALLS.replace(std::mem::take(&mut saved.0));
}

/// Returns how many callouts are on the books.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn in_flight() -> usize {
    with(&CALLS, |calls| calls.len())
}
