//! `/config_dump`.

use std::time::SystemTime;

use serde_json::{Value, json};
use tollgate_config::DiscoveredFilter;

use super::query::Query;
use super::reply::Reply;
use super::server_info::timestamp;
use super::state::AdminContext;

const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
const TYPED_EXTENSION: &str = "envoy.config.core.v3.TypedExtensionConfig";
const LISTENER: &str = "envoy.config.listener.v3.Listener";
const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let dumps = dumps(context);
    let Some(resource) = query.get("resource") else {
        return Reply::json(&json!({ "configs": dumps }));
    };
    let found = dumps.iter().find_map(|dump| dump.get(resource)?.as_array());
    match found {
        Some(found) => {
            let found = found.iter().cloned();
            let typed = found.map(|entry| typed(entry_type(resource), entry));
            Reply::json(&json!({ "configs": typed.collect::<Vec<_>>() }))
        }
        None => Reply::text(404, format!("{resource} not found in config dump\n")),
    }
}

/// Returns the message that the entries of a list are.
fn entry_type(resource: &str) -> &'static str {
    match resource {
        "static_clusters" => "envoy.admin.v3.ClustersConfigDump.StaticCluster",
        "ecds_filters" => "envoy.admin.v3.EcdsConfigDump.EcdsFilterConfig",
        "static_listeners" => "envoy.admin.v3.ListenersConfigDump.StaticListener",
        _ => "envoy.admin.v3.RoutesConfigDump.StaticRouteConfig",
    }
}

fn dumps(context: &AdminContext) -> Vec<Value> {
    let generation = context.generation();
    let since = generation
        .as_ref()
        .map_or(context.started.0, |current| current.since());
    let sources = || {
        let bootstraps = generation.iter().flat_map(|current| current.bootstraps());
        bootstraps.map(|bootstrap| &bootstrap.source)
    };
    let resources = |field: &str| -> Vec<Value> {
        let lists = sources().filter_map(|source| source.get("static_resources")?.get(field));
        lists
            .filter_map(Value::as_array)
            .flatten()
            .cloned()
            .collect()
    };
    let (clusters, listeners) = (resources("clusters"), resources("listeners"));
    let mut routes = Vec::new();
    listeners
        .iter()
        .for_each(|listener| find_routes(listener, &mut routes));
    let mut dumps: Vec<Value> = sources()
        .map(|source| {
            json!({
                "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
                "bootstrap": source,
                "last_updated": timestamp(since),
            })
        })
        .collect();
    dumps.push(json!({
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "static_clusters": entries("cluster", CLUSTER, clusters, since),
    }));
    let deployments = generation.iter().flat_map(|current| current.deployments());
    let discovered = deployments.flat_map(|deployment| &deployment.discovered);
    dumps.push(json!({
        "@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump",
        "ecds_filters": discovered.map(discovered_entry).collect::<Vec<_>>(),
    }));
    dumps.push(json!({
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
        "static_listeners": entries("listener", LISTENER, listeners, since),
    }));
    dumps.push(json!({
        "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
        "static_route_configs": entries("route_config", ROUTES, routes, since),
    }));
    dumps
}

fn discovered_entry((filter, since): &(DiscoveredFilter, SystemTime)) -> Value {
    let mut entry = json!({
        "ecds_filter": typed(TYPED_EXTENSION, filter.resource.clone()),
        "last_updated": timestamp(*since),
    });
    if let Some(fields) = entry.as_object_mut()
        && !filter.version.is_empty()
    {
        fields.insert("version_info".to_owned(), json!(filter.version));
    }
    entry
}

fn entries(field: &str, kind: &str, items: Vec<Value>, since: SystemTime) -> Vec<Value> {
    let entry = |item| json!({ field: typed(kind, item), "last_updated": timestamp(since) });
    items.into_iter().map(entry).collect()
}

/// Returns a message as it stands in an `Any`.
fn typed(kind: &str, mut message: Value) -> Value {
    if let Some(fields) = message.as_object_mut() {
        let url = json!(format!("type.googleapis.com/{kind}"));
        fields.insert("@type".to_owned(), url);
    }
    message
}

/// Collects the route configurations that stand in a listener.
fn find_routes(value: &Value, routes: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            routes.extend(fields.get("route_config").cloned());
            fields.values().for_each(|value| find_routes(value, routes));
        }
        Value::Array(items) => items.iter().for_each(|item| find_routes(item, routes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
