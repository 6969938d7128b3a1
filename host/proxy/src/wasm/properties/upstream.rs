//! `upstream.*`.

use tollgate_runtime::{PropertyResult, PropertyValue};

use super::connection::tls_property;
use super::{address, attribute, duration, int, scalar, some, text};
use crate::filter::UpstreamInfo;

pub(super) fn property(upstream: &UpstreamInfo, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let value = match name {
        b"address" => some(upstream.address.get().map(address))?,
        b"port" => some(upstream.address.get().map(|address| int(address.port())))?,
        b"local_address" => some(upstream.local_address.get().map(address))?,
        b"transport_failure_reason" => some(
            upstream
                .transport_failure_reason
                .borrow()
                .as_deref()
                .map(text),
        )?,
        b"request_attempt_count" => PropertyValue::Uint(upstream.attempts.get().into()),
        b"cx_pool_ready_duration" => some(upstream.pool_ready.get().map(duration))?,
        b"num_endpoints" => {
            let count = upstream.endpoint_count.get();
            some(count.map(|count| PropertyValue::Uint(count as u64)))?
        }
        name => {
            let tls = upstream.tls.borrow();
            some(tls.as_ref().and_then(|tls| tls_property(tls, name)))?
        }
    };
    scalar(value, rest)
}
