//! Properties: Envoy's attributes by path, read as the type that each has.
//!
//! ```
//! use tollgate::{Exchange, path};
//!
//! fn is_large(ex: &Exchange<()>) -> Result<bool, tollgate::Error> {
//!     let size: Option<u64> = ex.prop(path!["request", "total_size"])?;
//!     Ok(size > Some(1_000_000))
//! }
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tollgate_abi::Status;

use crate::error::{Error, found};
use crate::header::{HeaderValue, Headers};
use crate::sys;
use crate::time::Timestamp;

/// Joins the parts of a path when the filter is compiled: `path!["xds", "node", "id"]`. Paths that
/// are known only at run time are joined by [`join`].
#[macro_export]
macro_rules! path {
    [$first:literal $(, $part:literal)* $(,)?] => {
        ::core::concat!($first $(, "\0", $part)*)
    };
}

pub use tollgate_abi::property::join;

/// What the host's encoding of a property can be read as.
pub trait FromProperty: Sized {
    /// Reads a value; `None` when the bytes are none of this type.
    fn from_property(bytes: Vec<u8>) -> Option<Self>;
}

/// Looks a property up.
pub(crate) fn read<T: FromProperty>(path: &[u8]) -> Result<Option<T>, Error> {
    let Some(bytes) = found(sys::property(path))? else {
        return Ok(None);
    };
    let malformed = Error::new("proxy_get_property", Status::ParseFailure.to_u32());
    T::from_property(bytes).map(Some).ok_or(malformed)
}

/// The bytes as they are; every value can be read so.
impl FromProperty for Vec<u8> {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(bytes)
    }
}

/// The bytes as they are, usually text.
impl FromProperty for HeaderValue {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from(bytes))
    }
}

/// Text.
impl FromProperty for String {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Self::from_utf8(bytes).ok()
    }
}

/// A number without sign, of eight bytes.
impl FromProperty for u64 {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// A number with sign, of eight bytes.
impl FromProperty for i64 {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// A number with fraction, as all numbers in metadata are.
impl FromProperty for f64 {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// A truth value, of one byte.
impl FromProperty for bool {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        match *bytes.as_slice() {
            [byte] => Some(byte != 0),
            _ => None,
        }
    }
}

/// A moment, in nanoseconds since the Unix epoch.
impl FromProperty for Timestamp {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        u64::from_property(bytes).map(Self::from_nanos)
    }
}

/// A duration, in nanoseconds.
impl FromProperty for Duration {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        u64::from_property(bytes).map(Self::from_nanos)
    }
}

/// An address with its port, as text; the path of a pipe is none.
impl FromProperty for SocketAddr {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        str::from_utf8(&bytes).ok()?.parse().ok()
    }
}

/// An address with or without port, as text.
impl FromProperty for IpAddr {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        let text = str::from_utf8(&bytes).ok()?;
        let address = text.parse::<SocketAddr>().map(|address| address.ip());
        address.or_else(|_| text.parse()).ok()
    }
}

/// A map, such as `request.headers` or a struct in metadata.
impl FromProperty for Headers {
    fn from_property(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from_serialized(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_joined_when_it_is_compiled() {
        assert_eq!(path!["plugin_name"], "plugin_name");
        assert_eq!(
            path!["xds", "node", "id"].as_bytes(),
            join(["xds", "node", "id"])
        );
    }

    #[test]
    fn bytes_of_another_size_are_no_number() {
        assert_eq!(u64::from_property(vec![1, 0, 0, 0, 0, 0, 0, 0]), Some(1));
        assert_eq!(u64::from_property(vec![1]), None);
        assert_eq!(bool::from_property(vec![0, 0]), None);
        assert_eq!(i64::from_property(vec![255; 8]), Some(-1));
        assert_eq!(f64::from_property(Vec::new()), None);
    }

    #[test]
    fn an_address_has_a_port_or_none() {
        let ip = |text: &str| IpAddr::from_property(text.as_bytes().to_vec());
        assert_eq!(ip("[::1]:80"), Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        assert_eq!(ip("10.0.0.1"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(ip("/run/pipe"), None);
    }
}
