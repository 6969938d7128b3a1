//! `/clusters`.

use serde_json::{Map, Value, json};
use tollgate_config::Cluster;

use super::listeners::socket_address;
use super::query::Query;
use super::reply::Reply;
use super::state::AdminContext;
use crate::telemetry::HostStats;

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(reply) => return reply,
    };
    let generation = context.generation();
    let bootstraps = generation.iter().flat_map(|current| current.bootstraps());
    let all = bootstraps.flat_map(|bootstrap| &bootstrap.clusters);
    let shown = |cluster: &&Cluster| {
        filter
            .as_ref()
            .is_none_or(|filter| filter.is_match(&cluster.name))
    };
    let clusters = all.filter(shown);
    if query.get("format") == Some("json") {
        let statuses: Vec<Value> = clusters.map(|cluster| status(context, cluster)).collect();
        return Reply::json(&json!({ "cluster_statuses": statuses }));
    }
    Reply::text(
        200,
        clusters
            .map(|cluster| lines(context, cluster))
            .collect::<String>(),
    )
}

/// Envoy allows three retries at once; the limits of high priority are its defaults too.
const MAX_RETRIES: u32 = 3;
const HIGH_PRIORITY_LIMIT: u32 = 1024;

/// Names and values of the limits of one priority.
type Limits = [(&'static str, u32); 4];

fn limits(cluster: &Cluster) -> [(&'static str, Limits); 2] {
    let named = |connections, pending, requests| {
        [
            ("max_connections", connections),
            ("max_pending_requests", pending),
            ("max_requests", requests),
            ("max_retries", MAX_RETRIES),
        ]
    };
    let high = HIGH_PRIORITY_LIMIT;
    [
        (
            "default",
            named(
                cluster.max_connections,
                cluster.max_pending_requests,
                cluster.max_requests,
            ),
        ),
        ("high", named(high, high, high)),
    ]
}

/// The counts of a host: name, value, whether it is a gauge.
fn counts(host: &HostStats) -> [(&'static str, u64, bool); 9] {
    [
        ("cx_active", host.cx_active.value(), true),
        ("cx_connect_fail", host.cx_connect_fail.value(), false),
        ("cx_total", host.cx_total.value(), false),
        ("rq_active", host.rq_active.value(), true),
        ("rq_error", host.rq_error.value(), false),
        ("rq_pending_active", host.rq_pending_active.value(), true),
        ("rq_success", host.rq_success.value(), false),
        ("rq_timeout", host.rq_timeout.value(), false),
        ("rq_total", host.rq_total.value(), false),
    ]
}

fn lines(context: &AdminContext, cluster: &Cluster) -> String {
    let name = &cluster.name;
    let mut text = format!("{name}::observability_name::{name}\n");
    for (priority, limits) in limits(cluster) {
        for (limit, value) in limits {
            text.push_str(&format!("{name}::{priority}_priority::{limit}::{value}\n"));
        }
    }
    text.push_str(&format!("{name}::added_via_api::false\n"));
    for host in context.hosts_of(cluster) {
        let facts = &host.facts;
        let flags = if facts.healthy {
            "healthy"
        } else {
            "/failed_eds_health"
        };
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            text.push_str(&format!("{name}::{}::{key}::{value}\n", facts.address));
        };
        for (count, value, _) in counts(&host) {
            line(count, &value);
        }
        line("hostname", &facts.hostname);
        line("health_flags", &flags);
        line("weight", &facts.weight);
        line("region", &"");
        line("zone", &"");
        line("sub_zone", &"");
        line("canary", &false);
        line("priority", &0);
        line("success_rate", &-1);
        line("local_origin_success_rate", &-1);
    }
    text
}

fn status(context: &AdminContext, cluster: &Cluster) -> Value {
    let thresholds = limits(cluster).map(|(priority, limits)| {
        let limits = limits.map(|(name, value)| (name.to_owned(), json!(value)));
        let mut threshold = Map::from_iter(limits);
        if priority == "high" {
            threshold.insert("priority".to_owned(), json!("HIGH"));
        }
        Value::Object(threshold)
    });
    let mut status = json!({
        "name": cluster.name,
        "circuit_breakers": { "thresholds": thresholds },
        "observability_name": cluster.name,
    });
    let hosts = context.hosts_of(cluster);
    if !hosts.is_empty()
        && let Some(status) = status.as_object_mut()
    {
        let hosts: Vec<Value> = hosts.iter().map(|host| host_status(host)).collect();
        status.insert("host_statuses".to_owned(), Value::Array(hosts));
    }
    status
}

fn host_status(host: &HostStats) -> Value {
    let facts = &host.facts;
    let mut status = json!({
        "address": socket_address(facts.address),
        "stats": counts(host).map(|(name, value, is_gauge)| metric(name, value, is_gauge)),
        "health_status": {
            "eds_health_status": if facts.healthy { "HEALTHY" } else { "UNHEALTHY" },
        },
        "weight": facts.weight,
        "locality": {},
    });
    if !facts.hostname.is_empty()
        && let Some(status) = status.as_object_mut()
    {
        status.insert("hostname".to_owned(), json!(facts.hostname));
    }
    status
}

/// `envoy.admin.v3.SimpleMetric`: what is zero, and the type of counters, is left out.
fn metric(name: &str, value: u64, is_gauge: bool) -> Value {
    let mut metric = Map::new();
    if is_gauge {
        metric.insert("type".to_owned(), json!("GAUGE"));
    }
    if value > 0 {
        metric.insert("value".to_owned(), json!(value.to_string()));
    }
    metric.insert("name".to_owned(), json!(name));
    Value::Object(metric)
}
