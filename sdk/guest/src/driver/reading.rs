//! Reading: bodies that a handler reads part by part, while they pass.
//!
//! A part is copied when it comes, as the host shows it during that callback only. While the
//! handler awaits anything but the next part, the host holds what comes, and stops taking more when
//! it is too much; once the handler reads on, all of it passes.

use std::cell::RefCell;
use std::task::{Poll, Waker};

use tollgate_abi::BufferType;

use super::Part;
use super::contexts::Contexts;
use super::wake;
use crate::chunk::BodyChunk;
use crate::error::Error;
use crate::module_static::module_static;
use crate::sys;

/// The body that a handler of a context reads.
struct Body {
    buffer: BufferType,
    /// What has come and was not taken.
    kept: Option<Kept>,
    has_ended: bool,
    /// How many parts have come, and whether the host shows the last of them now.
    count: u32,
    is_shown: bool,
    /// Set while the handler awaits a part.
    reader: Option<Waker>,
}

struct Kept {
    bytes: Result<Vec<u8>, Error>,
    /// Which part it is; several at once are none.
    number: Option<u32>,
}

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// No handler reads the body.
    Unread,
    /// The handler will find it.
    Kept,
    /// The handler has waited for it.
    Awaited,
}

module_static! {
    static BODIES: RefCell<Contexts<Body>> = RefCell::new(Contexts::new());
}

/// Looks at the body of a context. `look` must not leave this module: it would find the table in use.
fn with<R>(id: u32, look: impl FnOnce(&mut Body) -> R) -> Option<R> {
    BODIES.with(|bodies| bodies.try_borrow_mut().ok()?.get_mut(id).map(look))
}

/// Begins a body for a context's handler.
pub(super) fn begin(id: u32, buffer: BufferType) {
    forget(id);
    let body = Body {
        buffer,
        kept: None,
        has_ended: false,
        count: 0,
        is_shown: false,
        reader: None,
    };
    BODIES.with(|bodies| {
        if let Ok(mut bodies) = bodies.try_borrow_mut() {
            bodies.insert(id, body);
        }
    });
}

/// Notes the part that the host shows now.
pub(super) fn arrive(id: u32, buffer: BufferType, part: Part) -> Arrival {
    if with(id, |body| body.buffer == buffer) != Some(true) {
        return Arrival::Unread;
    }
    let bytes = match part.size() {
        0 => Ok(Vec::new()),
        _ => sys::buffer_bytes(buffer, 0, usize::MAX >> 1),
    };
    wake(id, |body| body.keep(bytes, part.is_last()))
}

/// Notes that trailers end a body.
pub(super) fn end(id: u32, buffer: BufferType) -> Arrival {
    if with(id, |body| body.buffer == buffer) != Some(true) {
        return Arrival::Unread;
    }
    wake(id, |body| body.has_ended = true)
}

/// Changes a body and tells the handler that awaits a part of it.
fn wake(id: u32, change: impl FnOnce(&mut Body)) -> Arrival {
    let reader = with(id, |body| {
        change(body);
        body.reader.take()
    });
    let Some(reader) = reader.flatten() else {
        return Arrival::Kept;
    };
    // What lies between the handler and this future may ask to be told; the handler itself goes on
    // at once and needs no turn of its own.
    reader.wake();
    wake::take(id);
    Arrival::Awaited
}

/// Notes that the callback of the last part is over.
pub(super) fn hide(id: u32) {
    with(id, |body| body.is_shown = false);
}

/// Returns whether the handler of a context awaits a part of its body.
pub(super) fn is_awaited(id: u32) -> bool {
    with(id, |body| body.reader.is_some()) == Some(true)
}

/// Forgets a body: its handler has ended.
pub(super) fn forget(id: u32) {
    let body = BODIES.with(|bodies| bodies.try_borrow_mut().ok()?.remove(id));
    drop(body);
}

/// Returns whether the host shows this part of a context's body now.
pub(crate) fn is_shown(id: u32, number: Option<u32>) -> bool {
    with(id, |body| body.is_shown && number == Some(body.count)) == Some(true)
}

/// Takes what has come; nothing when the body has ended, or is none that this handler reads.
pub(crate) fn take(id: u32, reader: &Waker) -> Poll<Result<Option<BodyChunk>, Error>> {
    let taken = with(id, |body| match body.kept.take() {
        Some(kept) => {
            body.reader = None;
            let (buffer, is_last) = (body.buffer, body.has_ended);
            let chunk = |bytes| BodyChunk::new(bytes, (id, buffer), kept.number, is_last);
            Poll::Ready(kept.bytes.map(chunk).map(Some))
        }
        None if body.has_ended => Poll::Ready(Ok(None)),
        None => {
            body.reader = Some(reader.clone());
            Poll::Pending
        }
    });
    taken.unwrap_or(Poll::Ready(Ok(None)))
}

/// Notes that the handler no longer awaits a part.
pub(crate) fn leave(id: u32) {
    let reader = with(id, |body| body.reader.take());
    drop(reader);
}

impl Body {
    /// Puts a part behind what is kept.
    fn keep(&mut self, bytes: Result<Vec<u8>, Error>, is_last: bool) {
        self.count = self.count.wrapping_add(1);
        self.is_shown = true;
        self.has_ended |= is_last;
        self.kept = Some(match self.kept.take() {
            None => Kept {
                bytes,
                number: Some(self.count),
            },
            Some(before) => Kept {
                bytes: before.bytes.and_then(|mut all| {
                    all.extend_from_slice(&bytes?);
                    Ok(all)
                }),
                number: None,
            },
        });
    }
}

/// The bodies of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Contexts<Body>);

/// Exchanges the thread's bodies with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = BODIES.replace(std::mem::take(&mut saved.0));
}
