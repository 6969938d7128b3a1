//! `xds.*` of a stream.

use tollgate_config::ProtoMessage;
use tollgate_runtime::{PropertyResult, PropertyValue};

use super::facts::message;
use super::{ProxyFacts, attribute, scalar, some, text};
use crate::filter::StreamState;

pub(super) fn property(state: &StreamState, facts: &ProxyFacts, path: &[&[u8]]) -> PropertyResult {
    let (name, rest) = attribute(path)?;
    let value = match name {
        b"node" => return facts.node(rest),
        b"cluster_name" | b"cluster_metadata" => return cluster(state, facts, name, rest),
        b"route_name" => some(state.last_route().map(|route| text(route.name())))?,
        b"route_metadata" => {
            return match state.last_route() {
                Some(route) => message(route.metadata(), rest),
                None => some(None),
            };
        }
        b"virtual_host_name" => some(state.last_route().map(|route| text(route.virtual_host())))?,
        b"virtual_host_metadata" => {
            return match state.last_route() {
                Some(route) => message(route.virtual_host_metadata(), rest),
                None => some(None),
            };
        }
        b"filter_chain_name" => text(&state.connection.filter_chain_name),
        b"listener_direction" => PropertyValue::Int(state.connection.listener.direction),
        b"listener_metadata" => return message(&state.connection.listener.metadata, rest),
        b"upstream_host_metadata" | b"upstream_host_locality_metadata" => {
            return of_endpoint(state, name, rest);
        }
        _ => some(None)?,
    };
    scalar(value, rest)
}

/// The cluster that the route has chosen, which need not exist: a header may have named it.
fn cluster(state: &StreamState, facts: &ProxyFacts, name: &[u8], path: &[&[u8]]) -> PropertyResult {
    let route = state.last_route();
    let routed = route
        .as_ref()
        .and_then(|route| route.cluster_name().cloned());
    // A TCP connection has no route, only the cluster that it was given.
    let chosen = routed.or_else(|| state.info.upstream.cluster_name.borrow().clone());
    let Some(cluster) = chosen.and_then(|name| facts.cluster(&name)) else {
        return some(None);
    };
    if name == b"cluster_name" {
        return scalar(text(&cluster.name), path);
    }
    message(&cluster.metadata, path)
}

/// An endpoint without metadata has none, not an empty message.
fn of_endpoint(state: &StreamState, name: &[u8], path: &[&[u8]]) -> PropertyResult {
    let attributes = state.info.upstream.attributes.borrow();
    let Some(attributes) = attributes.as_ref() else {
        return some(None);
    };
    let metadata: Option<&ProtoMessage> = match name {
        b"upstream_host_metadata" => attributes.metadata.as_ref(),
        _ => attributes.locality_metadata.as_ref(),
    };
    match metadata {
        Some(metadata) => message(metadata, path),
        None => PropertyValue::Null.descend(path),
    }
}
