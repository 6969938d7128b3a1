//! Lookups of names in flight: who awaits which token.

use std::cell::Cell;
use std::task::Waker;

use tollgate_abi::BufferType;

use super::{install, wake, with};
use crate::dns::{Address, decode};
use crate::error::Error;
use crate::module_static::module_static;
use crate::sys;

type Outcome = Result<Vec<Address>, Error>;

/// A lookup between its hostcall and its future's end.
struct Lookup {
    token: u32,
    /// Whether its future knows the token: not yet, if the answer came within the hostcall.
    claimed: bool,
    waker: Option<Waker>,
    outcome: Option<Outcome>,
}

type Receiver = fn(u32, usize);

module_static! {
    static LOOKUPS: Cell<Vec<Lookup>> = Cell::new(Vec::new());
    // True inside the hostcall: a host that answers before it returns the token is heard.
    static DISPATCHING: Cell<bool> = Cell::new(false);
    // Set by the first lookup, so that a module without any does not contain what receives them.
    static RECEIVER: Cell<Option<Receiver>> = Cell::new(None);
}

/// `envoy_on_resolve_dns`
pub fn on_resolve_dns(token: u32, size: usize) {
    if let Some(receive) = RECEIVER.get() {
        receive(token, size);
    }
}

fn receive(token: u32, size: usize) {
    let known = with(&LOOKUPS, |lookups| {
        lookups.iter().any(|lookup| lookup.token == token)
    });
    if !known && !DISPATCHING.get() {
        return;
    }
    let outcome = match size {
        // No addresses: the lookup failed.
        0 => Ok(Vec::new()),
        _ => sys::buffer_bytes(BufferType::CallData, 0, size).and_then(|bytes| decode(&bytes)),
    };
    let waker = with(&LOOKUPS, |lookups| {
        let known = lookups.iter_mut().find(|lookup| lookup.token == token);
        let Some(lookup) = known else {
            if !DISPATCHING.get() {
                // Dropped while the host showed the answer.
                return None;
            }
            lookups.push(Lookup {
                token,
                claimed: false,
                waker: None,
                outcome: Some(outcome),
            });
            return None;
        };
        lookup.outcome = Some(outcome);
        lookup.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
        wake::settle();
    }
}

/// Makes the hostcall and registers its token.
pub(crate) fn dispatch(name: &str) -> Result<u32, Error> {
    install(&RECEIVER, receive as Receiver);
    let nested = DISPATCHING.replace(true);
    let made = sys::resolve_dns(name.as_bytes());
    DISPATCHING.set(nested);
    with(&LOOKUPS, |lookups| {
        if let Ok(token) = made {
            claim(lookups, token);
        }
        if !nested {
            // Answers to what nobody has asked.
            lookups.retain(|lookup| lookup.claimed);
        }
    });
    made
}

/// Notes that a token is awaited; its answer may have come early.
fn claim(lookups: &mut Vec<Lookup>, token: u32) {
    match lookups.iter_mut().find(|lookup| lookup.token == token) {
        Some(early) => early.claimed = true,
        None => lookups.push(Lookup {
            token,
            claimed: true,
            waker: None,
            outcome: None,
        }),
    }
}

/// Takes the outcome if it is there, and notes whom to wake if not.
pub(crate) fn take_outcome(token: u32, waker: &Waker) -> Option<Outcome> {
    with(&LOOKUPS, |lookups| {
        let lookup = lookups.iter_mut().find(|lookup| lookup.token == token)?;
        if lookup.outcome.is_none() {
            lookup.waker = Some(waker.clone());
            return None;
        }
        take(lookups, token)?.outcome
    })
}

/// Forgets a lookup, whose answer is then ignored.
pub(crate) fn forget(token: u32) {
    let lookup = with(&LOOKUPS, |lookups| take(lookups, token));
    drop(lookup);
}

fn take(lookups: &mut Vec<Lookup>, token: u32) -> Option<Lookup> {
    lookups
        .extract_if(.., |lookup| lookup.token == token)
        .next()
}

/// The lookups of a native VM that is not running.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Saved(Vec<Lookup>);

/// Exchanges the thread's lookups with the saved ones.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn swap(saved: &mut Saved) {
    saved.0 = LOOKUPS.replace(std::mem::take(&mut saved.0));
}
