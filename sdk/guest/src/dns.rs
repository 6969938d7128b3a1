//! Lookups of names by Envoy's resolver. Needs the cargo feature `dns`, and a host that has Envoy's
//! own call for it.
//!
//! ```
//! use tollgate::dns;
//!
//! async fn is_known(name: &str) -> Result<bool, tollgate::Error> {
//!     Ok(!dns::resolve(name).await?.is_empty())
//! }
//! ```

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tollgate_abi::Status;

use crate::driver::dns as driver;
use crate::error::Error;
use crate::property::FromProperty;

/// An address of a name, and how long it may be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// For how long it is good.
    pub ttl: Duration,
}

/// Looks a name up. A name that cannot be resolved has no addresses; hosts do not say why.
pub fn resolve(name: impl Into<String>) -> Lookup {
    Lookup(State::Unsent(name.into()))
}

/// The future of [`resolve`].
#[derive(Debug)]
#[must_use = "a name is looked up when this is awaited"]
pub struct Lookup(State);

#[derive(Debug)]
enum State {
    Unsent(String),
    Sent(u32),
    Done,
}

impl Future for Lookup {
    type Output = Result<Vec<Address>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Unsent(name) = &self.0 {
            match driver::dispatch(name) {
                Ok(token) => self.0 = State::Sent(token),
                Err(error) => {
                    self.0 = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let State::Sent(token) = self.0 else {
            // Polled after it was ready: there is nothing left to wait for.
            return Poll::Ready(Ok(Vec::new()));
        };
        match driver::take_outcome(token, cx.waker()) {
            Some(outcome) => {
                self.0 = State::Done;
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let State::Sent(token) = self.0 {
            driver::forget(token);
        }
    }
}

/// Reads what `envoy_on_resolve_dns` shows: a count, as many times to live in seconds, and as many
/// addresses with ports, each with a NUL behind it.
///
/// # Errors
///
/// `ParseFailure` when the host shows something else.
#[doc(hidden)]
pub fn decode(bytes: &[u8]) -> Result<Vec<Address>, Error> {
    let malformed = Error::new("envoy_on_resolve_dns", Status::ParseFailure.to_u32());
    parse(bytes).ok_or(malformed)
}

fn parse(bytes: &[u8]) -> Option<Vec<Address>> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (ttls, names) = rest.split_at_checked(count.checked_mul(4)?)?;
    let (ttls, _) = ttls.as_chunks::<4>();
    let mut names = names.split(|byte| *byte == 0);
    let addresses = ttls.iter().map(|ttl| {
        let ip = IpAddr::from_property(names.next()?.to_vec())?;
        let ttl = Duration::from_secs(u64::from(u32::from_le_bytes(*ttl)));
        Some(Address { ip, ttl })
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_their_times_to_live() {
        let mut bytes = vec![2, 0, 0, 0, 30, 0, 0, 0, 0, 1, 0, 0];
        bytes.extend_from_slice(b"127.0.0.1:0\0[::1]:0\0");
        let addresses = decode(&bytes).unwrap();
        let ttls: Vec<_> = addresses
            .iter()
            .map(|address| address.ttl.as_secs())
            .collect();
        assert_eq!(ttls, [30, 256]);
        assert!(addresses.iter().all(|address| address.ip.is_loopback()));
    }

    #[test]
    fn what_promises_more_than_it_holds_is_refused() {
        assert!(decode(&[255, 255, 255, 255]).is_err());
        assert!(decode(&[1, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(decode(b"").is_err());
        assert_eq!(decode(&[0; 4]), Ok(Vec::new()));
    }
}
