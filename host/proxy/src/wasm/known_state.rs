//! Filter state that the proxy itself reads, as plugins set it with `set_envoy_filter_state`.

use bytes::Bytes;
use tollgate_runtime::LifeSpan;
use tollgate_runtime::abi::Status;

use super::http_host::scope;
use crate::filter::{StateObject, StreamState};
use crate::tcp::{CLUSTER, IDLE_TIMEOUT_MS};

/// Keys that Envoy knows and that would have no effect here. A plugin is told that they are not
/// there, rather than believe that its upstream's name or certificate is checked as it asked.
const WITHOUT_EFFECT: &[&[u8]] = &[
    b"envoy.network.application_protocols",
    b"envoy.network.upstream_server_name",
    b"envoy.network.upstream_subject_alt_names",
    b"envoy.tcp_proxy.disable_tunneling",
];

/// Sets a value in the form in which it is read back.
///
/// # Errors
///
/// `NotFound` for a key that nothing here reads, `BadArgument` for a value that its key does not
/// allow, `InternalFailure` when there is no room for it.
pub(super) fn set(
    state: &StreamState,
    key: &[u8],
    value: &[u8],
    life_span: LifeSpan,
) -> Result<(), Status> {
    let value = match str::from_utf8(key) {
        Ok(CLUSTER) => Bytes::copy_from_slice(value),
        Ok(IDLE_TIMEOUT_MS) => milliseconds(value).ok_or(Status::BadArgument)?,
        Ok(_) | Err(_) => {
            if WITHOUT_EFFECT.contains(&key) {
                let key = String::from_utf8_lossy(key);
                tracing::warn!(%key, "filter state of Envoy's that has no effect here");
            }
            return Err(Status::NotFound);
        }
    };
    let object = StateObject {
        value,
        ..StateObject::default()
    };
    state.filter_state.set(key, object, scope(life_span))
}

/// Numbers are read as Envoy reads them, with white space around and a sign before.
fn milliseconds(text: &[u8]) -> Option<Bytes> {
    let number: u64 = str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    Some(number.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn milliseconds_are_a_number_of_64_bits() {
        for (text, number) in [("0", "0"), (" 7\n", "7"), ("+7", "7"), ("007", "7")] {
            assert_eq!(milliseconds(text.as_bytes()), Some(number.into()), "{text}");
        }
        for text in ["", " ", "-1", "1.5", "1 2", "nan", "18446744073709551616"] {
            assert_eq!(milliseconds(text.as_bytes()), None, "{text}");
        }
    }
}
