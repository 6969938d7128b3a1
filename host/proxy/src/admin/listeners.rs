//! `/listeners`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::state::AdminContext;

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let generation = context.generation();
    let listeners = generation.map_or_else(Vec::new, |current| current.listener_addresses());
    if query.get("format") == Some("json") {
        let statuses = listeners.iter().map(
            |(name, address)| json!({ "name": name, "local_address": socket_address(*address) }),
        );
        return Reply::json(&json!({ "listener_statuses": statuses.collect::<Vec<_>>() }));
    }
    let lines = listeners.iter();
    Reply::text(
        200,
        lines
            .map(|(name, address)| format!("{name}::{address}\n"))
            .collect::<String>(),
    )
}

/// Returns an address as `envoy.config.core.v3.Address`.
pub(super) fn socket_address(address: SocketAddr) -> Value {
    json!({
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() },
    })
}
