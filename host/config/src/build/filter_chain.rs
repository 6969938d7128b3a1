//! Filter chains: which connections they are for and what serves them.

use std::collections::HashSet;

use super::{http_connection_manager, plugin, tcp_proxy, tls};
use crate::view::View;
use crate::{FilterChain, FilterChainMatch, NetworkFilter, PluginConfig};

const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
pub(super) const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const WASM: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";

pub(super) fn build(view: &View<'_>) -> Option<FilterChain> {
    let tls = view
        .child("transport_socket")
        .map(|socket| tls::downstream(&socket));
    let matches = view
        .child("filter_chain_match")
        .map(|matches| build_match(&matches));
    let filters = network_filters(view);
    let tls = tls.transpose().ok()?.flatten();
    let (plugins, filter) = filters?;
    Some(FilterChain {
        name: view.text("name").to_owned(),
        matches: matches.unwrap_or_default(),
        tls,
        plugins,
        filter,
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

/// Reads `filters`: plugins, then the one that serves.
fn network_filters(view: &View<'_>) -> Option<(Vec<PluginConfig>, NetworkFilter)> {
    let filters = view.children("filters");
    let Some((last, before)) = filters.split_last() else {
        view.unsupported("filters", "a chain without filters");
        return None;
    };
    // Everything is read before anything is missed, so that one run reports all that is wrong.
    let plugins: Vec<_> = before.iter().map(plugin_before).collect();
    let terminal = terminal_filter(last)?;
    let mut built = Vec::with_capacity(plugins.len());
    for (plugin, filter) in plugins.into_iter().zip(before) {
        match plugin {
            Some(plugin) => built.push(plugin),
            None => filter.report().left_out(filter.path()),
        }
    }
    Some((built, terminal))
}

fn plugin_before(filter: &View<'_>) -> Option<PluginConfig> {
    let config = filter.extension("a network filter")?;
    match config.type_name().as_str() {
        WASM => match config.child("config") {
            Some(plugin) => plugin::build(&plugin),
            None => {
                config.error("", "a wasm filter needs a `config`");
                None
            }
        },
        CONNECTION_MANAGER | TCP_PROXY => {
            let name = filter.text("name");
            let reason = format!(
                "terminal filter `{name}` must be the last filter in a network filter chain"
            );
            filter.error("", reason);
            None
        }
        name => {
            filter.unsupported("typed_config", &format!("the network filter {name}"));
            None
        }
    }
}

fn terminal_filter(filter: &View<'_>) -> Option<NetworkFilter> {
    let config = filter.extension("a network filter")?;
    match config.type_name().as_str() {
        CONNECTION_MANAGER => {
            let manager = http_connection_manager::build(&config)?;
            Some(NetworkFilter::HttpConnectionManager(Box::new(manager)))
        }
        TCP_PROXY => {
            let proxy = tcp_proxy::build(&config)?;
            Some(NetworkFilter::TcpProxy(Box::new(proxy)))
        }
        WASM => {
            let name = filter.text("name");
            let reason = format!(
                "non-terminal filter `{name}` is the last filter in a network filter chain; \
                 a TCP proxy or an HTTP connection manager must follow"
            );
            filter.error("", reason);
            None
        }
        name => {
            filter.unsupported("typed_config", &format!("the network filter {name}"));
            None
        }
    }
}
