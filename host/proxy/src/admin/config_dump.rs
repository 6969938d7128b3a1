//! `/config_dump`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::server_info::timestamp;
use super::state::AdminContext;

const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
const LISTENER: &str = "envoy.config.listener.v3.Listener";
const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let dumps = dumps(context);
    let Some(resource) = query.get("resource") else {
        return Reply::json(&json!({ "configs": dumps }));
    };
    let found = dumps.iter().find_map(|dump| dump.get(resource)?.as_array());
    match found {
        Some(found) => Reply::json(&json!({ "configs": found })),
        None => Reply::text(404, format!("{resource} not found in config dump\n")),
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

fn entries(field: &str, kind: &str, items: Vec<Value>, since: SystemTime) -> Vec<Value> {
    let entry = |mut item: Value| {
        if let Some(fields) = item.as_object_mut() {
            fields.insert(
                "@type".to_owned(),
                json!(format!("type.googleapis.com/{kind}")),
            );
        }
        json!({ field: item, "last_updated": timestamp(since) })
    };
    items.into_iter().map(entry).collect()
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
