//! `upstream.*`.

use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyResult, PropertyValue};

use super::connection::tls_property;
use super::facts::message;
use super::{ProxyFacts, address, attribute, duration, int, scalar, some, text};
use crate::filter::StreamState;

pub(super) fn property(state: &StreamState, facts: &ProxyFacts, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let upstream = &state.info.upstream;
    let value = match name {
        b"address" => some(upstream.address.get().map(address))?,
        b"port" => some(upstream.address.get().map(|address| int(address.port())))?,
        b"local_address" => some(upstream.local_address.get().map(address))?,
        // Empty as soon as there is an upstream.
        b"transport_failure_reason" => {
            let reason = upstream.transport_failure_reason.borrow();
            let is_known = reason.is_some() || upstream.address.get().is_some();
            some(is_known.then(|| text(reason.as_deref().unwrap_or_default())))?
        }
        b"request_attempt_count" => PropertyValue::Uint(upstream.attempts.get().into()),
        b"cx_pool_ready_duration" => some(upstream.pool_ready.get().map(duration))?,
        b"locality" => {
            let attributes = upstream.attributes.borrow();
            return match attributes.as_ref() {
                Some(attributes) => message(&attributes.locality, rest),
                None => some(None),
            };
        }
        b"num_endpoints" => {
            let route = state.last_route();
            let routed = route
                .as_ref()
                .and_then(|route| route.cluster_name().cloned());
            let chosen = routed.or_else(|| upstream.cluster_name.borrow().clone());
            let cluster = chosen.and_then(|name| facts.cluster(&name));
            some(cluster.map(|cluster| PropertyValue::Uint(cluster.endpoint_count() as u64)))?
        }
        name => {
            let tls = upstream.tls.borrow();
            some(tls.as_ref().and_then(|tls| tls_property(tls, name)))?
        }
    };
    scalar(value, rest)
}

/// There is one as soon as there is a connection; nothing is in it.
pub(super) fn filter_state(state: &StreamState, path: &[&[u8]]) -> PropertyResult {
    let is_connected = state.info.upstream.connection_id.get().is_some();
    Err(match path {
        [] if is_connected => Status::SerializationFailure,
        _ => Status::NotFound,
    })
}
