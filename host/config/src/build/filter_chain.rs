//! Filter chains: which connections they are for and what serves them.

use std::collections::HashSet;

use super::{http_connection_manager, tls};
use crate::view::View;
use crate::{FilterChain, FilterChainMatch, NetworkFilter};

const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

pub(super) fn build(view: &View<'_>) -> Option<FilterChain> {
    let tls = view
        .child("transport_socket")
        .map(|socket| tls::downstream(&socket));
    let matches = view
        .child("filter_chain_match")
        .map(|matches| build_match(&matches));
    let filter = network_filter(view);
    Some(FilterChain {
        name: view.text("name").to_owned(),
        matches: matches.unwrap_or_default(),
        tls: tls.transpose().ok()?.flatten(),
        filter: filter?,
    })
}

/// Reports chains that could serve the same connection, as Envoy does.
pub(super) fn refuse_overlaps(chains: &[View<'_>]) {
    let mut seen = HashSet::new();
    for chain in chains.iter().filter(|chain| !told_apart(chain)) {
        let matches = chain.child("filter_chain_match").as_ref().map(to_match);
        let overlaps = criteria(&matches.unwrap_or_default()).any(|one| !seen.insert(one));
        if overlaps {
            chain.error(
                "",
                "multiple filter chains with overlapping matching rules are defined",
            );
        }
    }
}

/// Returns every combination of a name, a protocol and a transport that a chain matches.
fn criteria(matches: &FilterChainMatch) -> impl Iterator<Item = [String; 3]> {
    let or_any = |values: &[String]| match values {
        [] => vec![String::new()],
        values => values.to_vec(),
    };
    let transport = matches.transport_protocol.clone().unwrap_or_default();
    let protocols = or_any(&matches.application_protocols);
    or_any(&matches.server_names)
        .into_iter()
        .flat_map(move |name| {
            let combine = |protocol: &String| [name.clone(), protocol.clone(), transport.clone()];
            protocols.iter().map(combine).collect::<Vec<_>>()
        })
}

/// Criteria that are not implemented, and reported as such, may tell chains apart.
fn told_apart(chain: &View<'_>) -> bool {
    chain
        .report()
        .has_entry_within(&chain.path_of("filter_chain_match"))
}

fn build_match(view: &View<'_>) -> FilterChainMatch {
    for (index, name) in view.texts("server_names").into_iter().enumerate() {
        if name.contains('*') && !name.starts_with("*.") {
            let field = format!("server_names[{index}]");
            view.error(
                &field,
                "partial wildcards are not supported in `server_names`",
            );
        }
    }
    to_match(view)
}

fn to_match(view: &View<'_>) -> FilterChainMatch {
    let transport = view.text("transport_protocol");
    FilterChainMatch {
        server_names: view
            .texts("server_names")
            .iter()
            .map(|name| name.to_lowercase())
            .collect(),
        transport_protocol: (!transport.is_empty()).then(|| transport.to_owned()),
        application_protocols: view
            .texts("application_protocols")
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

fn network_filter(view: &View<'_>) -> Option<NetworkFilter> {
    let filters = view.children("filters");
    let Some((last, before)) = filters.split_last() else {
        view.unsupported("filters", "a chain without filters");
        return None;
    };
    for filter in before {
        let Some(config) = filter.extension("a network filter") else {
            continue;
        };
        match config.type_name().as_str() {
            CONNECTION_MANAGER => {
                filter.error("", "a terminal filter must be the last of its chain");
            }
            name => filter.unsupported("typed_config", &format!("the network filter {name}")),
        }
    }
    let config = last.extension("a network filter")?;
    if config.type_name() != CONNECTION_MANAGER {
        let what = format!("the network filter {}", config.type_name());
        last.unsupported("typed_config", &what);
        return None;
    }
    let manager = http_connection_manager::build(&config)?;
    Some(NetworkFilter::HttpConnectionManager(Box::new(manager)))
}
