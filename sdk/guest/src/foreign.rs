//! Foreign functions: what a host offers beyond the ABI, by name.
//!
//! ```
//! use tollgate::foreign;
//!
//! fn shrink(body: &[u8]) -> Result<Vec<u8>, tollgate::Error> {
//!     foreign::call("compress", body)
//! }
//! ```

use tollgate_abi::BufferType;

use crate::error::Error;
use crate::header::HeaderValue;
use crate::sys;

/// Calls a function of the host.
///
/// # Errors
///
/// `NotFound` when the host has none of this name; otherwise with the function's own status.
pub fn call(name: &str, arguments: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
    sys::call_foreign_function(name.as_bytes(), arguments.as_ref())
}

/// Has Envoy choose the route anew, by the headers as they are now. Since version 1.33; a change
/// of a request's header does the same.
///
/// # Errors
///
/// When the host has no such function.
pub fn clear_route_cache() -> Result<(), Error> {
    call("clear_route_cache", []).map(drop)
}

/// How long a value of the filter state lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifeSpan {
    /// As long as the request or the connection that the filter serves.
    FilterChain,
    /// As long as the downstream request.
    DownstreamRequest,
    /// As long as the downstream connection.
    DownstreamConnection,
}

/// Sets an object of Envoy's filter state, such as `envoy.tcp_proxy.cluster`.
///
/// # Errors
///
/// When the host knows no such object or refuses the value.
pub fn set_filter_state(key: &str, value: impl AsRef<[u8]>, life: LifeSpan) -> Result<(), Error> {
    let mut message = Vec::new();
    put_field(&mut message, 1, key.as_bytes());
    put_field(&mut message, 2, value.as_ref());
    // Field 3, a varint; 0 is what an absent one means.
    match life {
        LifeSpan::FilterChain => {}
        LifeSpan::DownstreamRequest => message.extend_from_slice(&[3 << 3, 1]),
        LifeSpan::DownstreamConnection => message.extend_from_slice(&[3 << 3, 2]),
    }
    call("set_envoy_filter_state", message).map(drop)
}

/// Writes a field of Protocol Buffers that has a length.
fn put_field(message: &mut Vec<u8>, number: u8, value: &[u8]) {
    message.push(number << 3 | 2);
    let mut rest = value.len();
    loop {
        let [byte, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            message.push(byte & 0x7f);
            break;
        }
        message.push(byte | 0x80);
    }
    message.extend_from_slice(value);
}

/// A call of the host's to a function of the plugin.
#[derive(Debug)]
pub struct ForeignCall {
    function: u32,
}

impl ForeignCall {
    pub(crate) const fn new(function: u32) -> Self {
        Self { function }
    }

    /// Returns the number of the function.
    #[must_use]
    pub const fn function(&self) -> u32 {
        self.function
    }

    /// Returns the arguments. Envoy keeps them only until the plugin reads another buffer.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn arguments(&self) -> Result<HeaderValue, Error> {
        sys::buffer_bytes(BufferType::CallData, 0, usize::MAX >> 1).map(HeaderValue::from)
    }
}

#[cfg(test)]
mod tests {
    use super::put_field;

    #[test]
    fn a_length_is_written_in_groups_of_seven_bits() {
        let mut message = Vec::new();
        put_field(&mut message, 1, b"key");
        assert_eq!(message, b"\x0a\x03key");
        message.clear();
        put_field(&mut message, 2, &[0; 300]);
        assert_eq!(message.get(..3), Some([0x12, 0xac, 0x02].as_slice()));
        assert_eq!(message.len(), 303);
    }
}
