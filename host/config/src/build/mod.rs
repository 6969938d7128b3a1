//! The third stage: from messages that hold only what is implemented to the structs of this crate.
//!
//! Whatever Envoy checks beyond its schema is checked here, with Envoy's outcome. A function returns
//! `None` after it has reported why.

mod access_log;
mod address;
mod cluster;
mod configuration;
mod data_source;
mod discovery;
mod filter_chain;
mod format;
mod headers;
mod http_connection_manager;
mod http_filter;
mod listener;
mod matcher;
mod plugin;
mod re2;
mod references;
mod route;
mod route_action;
mod route_configuration;
mod tcp_proxy;
mod tls;
mod upstream_protocol;

use std::collections::HashSet;
use std::net::SocketAddr;

use crate::dump;
use crate::view::View;
use crate::{Bootstrap, Node, ProtoMessage, WasmService};

/// The reason why something has no result, where having none is a result too. It has been reported.
#[derive(Clone, Copy, Debug)]
struct Reported;

/// Builds everything, as far as possible.
pub(crate) fn bootstrap(root: &View<'_>) -> Bootstrap {
    let resources = root.child("static_resources");
    let children = |field| {
        resources
            .iter()
            .flat_map(|view| view.children(field))
            .collect()
    };
    let (listeners, clusters): (Vec<_>, Vec<_>) = (children("listeners"), children("clusters"));
    refuse_duplicates(&clusters);
    let listeners = leave_out_duplicates(listeners);
    let mut bootstrap = Bootstrap {
        node: node(root),
        admin: admin(root),
        listeners: build_each(&listeners, listener::build),
        clusters: build_each(&clusters, cluster::build),
        wasm_services: build_each(&root.children("bootstrap_extensions"), wasm_service),
        source: dump::to_json(root.message()),
        files: dump::files(root.message()),
        discoveries: Vec::new(),
    };
    bootstrap.discoveries = root.report().discoveries();
    bootstrap.files.append(&mut root.report().take_files());
    references::check(&listeners, &clusters);
    bootstrap
}

/// Builds what can be built, and says what is left out when that is no error.
fn build_each<'v, T>(views: &[View<'v>], build: impl Fn(&View<'v>) -> Option<T>) -> Vec<T> {
    let build_one = |view| {
        let built = build(view);
        if built.is_none() {
            view.report().left_out(view.path());
        }
        built
    };
    views.iter().filter_map(build_one).collect()
}

fn wasm_service(view: &View<'_>) -> Option<WasmService> {
    let config = view.extension("a bootstrap extension")?;
    let name = config.type_name();
    if name != "envoy.extensions.wasm.v3.WasmService" {
        view.unsupported("typed_config", &format!("the bootstrap extension {name}"));
        return None;
    }
    Some(WasmService {
        singleton: config.bool("singleton"),
        plugin: plugin::build_child(&config)?,
    })
}

fn node(root: &View<'_>) -> Node {
    let message = ProtoMessage::in_field(root, "node");
    let Some(view) = root.child("node") else {
        return Node {
            message,
            ..Node::default()
        };
    };
    Node {
        id: view.text("id").to_owned(),
        cluster: view.text("cluster").to_owned(),
        metadata: view.child("metadata").map_or_else(
            || serde_json::Value::Object(serde_json::Map::new()),
            |metadata| configuration::to_json(metadata.message()),
        ),
        message,
    }
}

fn admin(root: &View<'_>) -> Option<SocketAddr> {
    let address = root.child("admin")?.child("address")?;
    address::socket_address(&address)
}

fn refuse_duplicates(clusters: &[View<'_>]) {
    let mut names = HashSet::new();
    for cluster in clusters {
        let name = cluster.text("name");
        if !name.is_empty() && !names.insert(name) {
            cluster.error(
                "name",
                format!("cluster manager: duplicate cluster '{name}'"),
            );
        }
    }
}

/// Envoy keeps the first listener of a name: one from the bootstrap cannot be updated.
fn leave_out_duplicates(listeners: Vec<View<'_>>) -> Vec<View<'_>> {
    let mut names = HashSet::new();
    let is_first = |listener: &View<'_>| {
        let name = listener.text("name");
        let first = name.is_empty() || names.insert(name.to_owned());
        if !first {
            listener.warning(
                "name",
                format!("left out: a listener `{name}` is there already"),
            );
        }
        first
    };
    listeners.into_iter().filter(is_first).collect()
}
