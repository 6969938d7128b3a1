//! `/stats` and `/stats/prometheus`.

use std::fs;

use serde_json::{Value, json};

use super::query::Query;
use super::reply::Reply;
use super::state::AdminContext;
use crate::telemetry::{
    ClusterManagerStats, Distribution, ListenerManagerStats, MembershipStats, QUANTILES,
    ServerStats, StatSnapshot, StatValue, write_prometheus,
};

pub(super) fn page(context: &AdminContext, query: &Query) -> Reply {
    let stats = match selected(context, query) {
        Ok(stats) => stats,
        Err(reply) => return reply,
    };
    match query.get("format") {
        None | Some("" | "text") => Reply::text(200, text(&stats)),
        Some("json") => Reply::compact_json(json_text(&stats)),
        Some("prometheus") => Reply::text(200, write_prometheus(&stats)),
        Some(_) => Reply::text(400, "usage: /stats?format=(json|prometheus|text)\n\n"),
    }
}

pub(super) fn prometheus(context: &AdminContext, query: &Query) -> Reply {
    match selected(context, query) {
        Ok(stats) => Reply::text(200, write_prometheus(&stats)),
        Err(reply) => reply,
    }
}

pub(super) fn reset_counters(context: &AdminContext, _query: &Query) -> Reply {
    context.stats.reset_counters();
    Reply::text(200, "OK\n")
}

fn selected(context: &AdminContext, query: &Query) -> Result<Vec<StatSnapshot>, Reply> {
    let filter = query.filter()?;
    let kinds = Kinds::new(query.get("type"))?;
    let used_only = query.has("usedonly");
    refresh_server_stats(context);
    let mut stats = context.stats.snapshot();
    stats.retain(|stat| {
        (stat.used || !used_only)
            && kinds.include(&stat.value)
            && filter
                .as_ref()
                .is_none_or(|filter| filter.is_match(&stat.name))
    });
    Ok(stats)
}

/// The parameter `type`.
#[derive(Clone, Copy)]
enum Kinds {
    All,
    Counters,
    Gauges,
    Histograms,
    Texts,
}

impl Kinds {
    fn new(name: Option<&str>) -> Result<Self, Reply> {
        Ok(match name {
            None | Some("" | "All") => Self::All,
            Some("Counters") => Self::Counters,
            Some("Gauges") => Self::Gauges,
            Some("Histograms") => Self::Histograms,
            Some("TextReadouts") => Self::Texts,
            Some(_) => {
                let usage = "usage: /stats?type=(All|Counters|Histograms|Gauges|TextReadouts)\n\n";
                return Err(Reply::text(400, usage));
            }
        })
    }

    fn include(self, value: &StatValue) -> bool {
        match value {
            StatValue::Text(_) => matches!(self, Self::All | Self::Texts),
            StatValue::Counter(_) => matches!(self, Self::All | Self::Counters),
            StatValue::Gauge(_) => matches!(self, Self::All | Self::Gauges),
            StatValue::Histogram { .. } => matches!(self, Self::All | Self::Histograms),
        }
    }
}

/// Counts what is settled once everything serves.
pub(super) fn count_start(context: &AdminContext) {
    let stats = &context.stats;
    if !stats.begins() {
        return;
    }
    let server = ServerStats::new(stats, "server.");
    let took = context.started.1.elapsed().as_millis();
    server
        .initialization_time_ms
        .record(u64::try_from(took).unwrap_or(u64::MAX));
    let (listeners, clusters) = sizes(context);
    let manager = ListenerManagerStats::new(stats, "listener_manager.");
    manager.listener_added.add(listeners);
    manager
        .listener_create_success
        .add(listeners.saturating_mul(context.concurrency as u64));
    manager.workers_started.set(1);
    let manager = ClusterManagerStats::new(stats, "cluster_manager.");
    manager.cluster_added.add(clusters);
    refresh_sizes(context);
}

/// Returns how many listeners and clusters are served.
fn sizes(context: &AdminContext) -> (u64, u64) {
    let Some(current) = context.generation() else {
        return (0, 0);
    };
    let listeners = current.listener_addresses().len() as u64;
    let clusters = current.bootstraps().map(|one| one.clusters.len() as u64);
    (listeners, clusters.sum())
}

fn refresh_sizes(context: &AdminContext) {
    let (listeners, clusters) = sizes(context);
    let manager = ListenerManagerStats::new(&context.stats, "listener_manager.");
    manager.total_listeners_active.set(listeners);
    let manager = ClusterManagerStats::new(&context.stats, "cluster_manager.");
    manager.active_clusters.set(clusters);
}

fn refresh_memberships(context: &AdminContext) {
    let generation = context.generation();
    let bootstraps = generation.iter().flat_map(|current| current.bootstraps());
    for cluster in bootstraps.flat_map(|bootstrap| &bootstrap.clusters) {
        let prefix = format!("cluster.{}.", cluster.name);
        let membership = MembershipStats::new(&context.stats, &prefix);
        let hosts = context.hosts_of(cluster);
        let healthy = hosts.iter().filter(|host| host.facts.healthy).count();
        membership.membership_total.set(hosts.len() as u64);
        membership.membership_healthy.set(healthy as u64);
    }
}

/// Brings up to date what nobody counts.
fn refresh_server_stats(context: &AdminContext) {
    refresh_memberships(context);
    refresh_sizes(context);
    let server = ServerStats::new(&context.stats, "server.");
    let state = context.state.get();
    server.uptime.set(context.started.1.elapsed().as_secs());
    server.state.set(state as u64);
    server
        .live
        .set(u64::from(state == super::ServerState::Live));
    server.concurrency.set(context.concurrency as u64);
    if let Some(bytes) = resident_bytes() {
        server.memory_physical_size.set(bytes);
    }
    let connections = context
        .stats
        .snapshot()
        .into_iter()
        .filter_map(|stat| match stat.value {
            StatValue::Gauge(number) if is_listener_connections(&stat.name) => Some(number),
            StatValue::Text(_)
            | StatValue::Counter(_)
            | StatValue::Gauge(_)
            | StatValue::Histogram { .. } => None,
        });
    server.total_connections.set(connections.sum());
}

fn is_listener_connections(name: &str) -> bool {
    name.starts_with("listener.")
        && name.ends_with(".downstream_cx_active")
        && !name.contains(".worker_")
}

/// The second number of `statm` is the resident size in pages.
fn resident_bytes() -> Option<u64> {
    const PAGE_SIZE: u64 = 4096;
    let numbers = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = numbers.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(PAGE_SIZE)
}

fn text(stats: &[StatSnapshot]) -> String {
    let line = |stat: &StatSnapshot| match &stat.value {
        StatValue::Text(text) => format!("{}: \"{text}\"\n", stat.name),
        StatValue::Counter(number) | StatValue::Gauge(number) => {
            format!("{}: {number}\n", stat.name)
        }
        StatValue::Histogram { total, interval } => {
            format!("{}: {}\n", stat.name, quantiles(total, interval))
        }
    };
    stats.iter().map(line).collect()
}

fn quantiles(total: &Distribution, interval: &Distribution) -> String {
    if total.count == 0 {
        return "No recorded values".to_owned();
    }
    let number = |value: Option<f64>| value.map_or_else(|| "nan".to_owned(), |v| v.to_string());
    let quantile = |(name, share): (&str, f64)| {
        format!(
            "{name}({},{})",
            number(interval.quantile(share)),
            number(total.quantile(share))
        )
    };
    QUANTILES.map(quantile).join(" ")
}

fn json_text(stats: &[StatSnapshot]) -> String {
    let mut entries = Vec::new();
    let mut histograms = Vec::new();
    for stat in stats {
        match &stat.value {
            StatValue::Text(text) => entries.push(json!({ "name": stat.name, "value": text })),
            StatValue::Counter(number) | StatValue::Gauge(number) => {
                entries.push(json!({ "name": stat.name, "value": number }));
            }
            StatValue::Histogram { total, interval } => {
                let values = QUANTILES.map(|(_, share)| {
                    let cumulative = total.quantile(share);
                    json!({ "cumulative": cumulative, "interval": interval.quantile(share) })
                });
                histograms.push(json!({ "name": stat.name, "values": values }));
            }
        }
    }
    if !histograms.is_empty() {
        entries.push(json!({
            "histograms": {
                "supported_quantiles": supported_quantiles(),
                "computed_quantiles": histograms,
            },
        }));
    }
    json!({ "stats": entries }).to_string()
}

/// Whole percentages are written without a fraction.
fn supported_quantiles() -> Vec<Value> {
    let number = |name: &str| serde_json::from_str(name.trim_start_matches('P'));
    QUANTILES
        .iter()
        .filter_map(|(name, _)| number(name).ok())
        .collect()
}
