//! Listeners.

use super::{address, build_each, filter_chain};
use crate::view::View;
use crate::{Listener, ProtoMessage};

/// Envoy's default of `per_connection_buffer_limit_bytes`, of listeners and of clusters.
pub(super) const DEFAULT_BUFFER_LIMIT: u32 = 1024 * 1024;

pub(super) fn build(view: &View<'_>) -> Option<Listener> {
    for filter in view.children("listener_filters") {
        check_listener_filter(&filter);
    }
    let chains = view.children("filter_chains");
    filter_chain::refuse_overlaps(&chains);
    let filter_chains = build_each(&chains, filter_chain::build);
    let default_filter_chain = view
        .child("default_filter_chain")
        .as_ref()
        .and_then(filter_chain::build);
    if chains.is_empty() && !view.has("default_filter_chain") {
        view.error("filter_chains", "no filter chains specified");
    }
    let Some(address) = view.child("address") else {
        view.error("", "a listener needs an `address`");
        return None;
    };
    let address = address::socket_address(&address)?;
    let name = match view.text("name") {
        "" => address.to_string(),
        name => name.to_owned(),
    };
    // Without a chain nothing could be served; why there is none has been said.
    if filter_chains.is_empty() && default_filter_chain.is_none() {
        return None;
    }
    let limit = view
        .u32_value("per_connection_buffer_limit_bytes")
        .unwrap_or(DEFAULT_BUFFER_LIMIT);
    Some(Listener {
        name,
        address,
        filter_chains,
        default_filter_chain,
        per_connection_buffer_limit_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
        traffic_direction: view.enum_number("traffic_direction"),
        metadata: ProtoMessage::in_field(view, "metadata"),
    })
}

/// The names of TLS clients are always read, so that the filter Envoy needs for it adds nothing.
fn check_listener_filter(filter: &View<'_>) {
    let Some(config) = filter.extension("a listener filter") else {
        return;
    };
    let name = config.type_name();
    if name != "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector" {
        filter.unsupported("typed_config", &format!("the listener filter {name}"));
    }
}
