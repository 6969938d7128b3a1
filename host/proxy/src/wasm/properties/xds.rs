//! `xds.*` of a stream.

use tollgate_runtime::{PropertyResult, PropertyValue};

use super::{NodeProperties, attribute, scalar, some, text};
use crate::filter::StreamState;

pub(super) fn property(
    state: &StreamState,
    node: &NodeProperties,
    path: &[&[u8]],
) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let value = match name {
        b"node" => return node.property(rest),
        b"cluster_name" => {
            let route = state.last_route();
            let routed = route.and_then(|route| route.cluster_name().map(|name| text(name)));
            // A TCP connection has no route, only the cluster that it was given.
            let chosen = || {
                state
                    .info
                    .upstream
                    .cluster_name
                    .borrow()
                    .as_deref()
                    .map(text)
            };
            some(routed.or_else(chosen))?
        }
        b"route_name" => some(state.last_route().map(|route| text(route.name())))?,
        b"virtual_host_name" => some(state.last_route().map(|route| text(route.virtual_host())))?,
        b"filter_chain_name" => text(&state.connection.filter_chain_name),
        b"listener_direction" => PropertyValue::Int(state.connection.listener.direction),
        // None of these has metadata here; Envoy gives an empty message then.
        b"cluster_metadata"
        | b"route_metadata"
        | b"virtual_host_metadata"
        | b"upstream_host_metadata"
        | b"listener_metadata" => return super::metadata(rest),
        _ => some(None)?,
    };
    scalar(value, rest)
}
