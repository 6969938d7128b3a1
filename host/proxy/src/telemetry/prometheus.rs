//! Statistics in Prometheus' text format, named and tagged as Envoy does it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::snapshot::{Distribution, StatSnapshot, StatValue};

/// Upper bounds of buckets, Envoy's defaults.
const BUCKETS: [&str; 19] = [
    "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000",
    "30000", "60000", "300000", "600000", "1800000", "3600000",
];

/// Statistics with this prefix are plugins': they are shown under the names they were given.
const CUSTOM: &str = "wasmcustom.";

/// A metric: statistics that differ in their tags only, as tags and value.
type Metrics<'a> = BTreeMap<String, Vec<(String, &'a StatValue)>>;

/// Returns the text for some statistics: counters, gauges, then histograms.
#[must_use]
pub(crate) fn write_prometheus(stats: &[StatSnapshot]) -> String {
    let mut kinds: [(&str, Metrics<'_>); 3] = [
        ("counter", BTreeMap::new()),
        ("gauge", BTreeMap::new()),
        ("histogram", BTreeMap::new()),
    ];
    for stat in stats {
        let Some((name, tags)) = name_and_tags(&stat.name) else {
            continue;
        };
        let index = match stat.value {
            // Shown to those only who ask for them.
            StatValue::Text(_) => continue,
            StatValue::Counter(_) => 0,
            StatValue::Gauge(_) => 1,
            StatValue::Histogram { .. } => 2,
        };
        if let Some((_, metrics)) = kinds.get_mut(index) {
            metrics.entry(name).or_default().push((tags, &stat.value));
        }
    }
    let mut out = String::new();
    for (kind, metrics) in &kinds {
        for (name, values) in metrics {
            out.push_str(&format!("# TYPE {name} {kind}\n"));
            for (tags, value) in values {
                write_value(name, tags, value, &mut out);
            }
        }
    }
    out
}

fn write_value(name: &str, tags: &str, value: &StatValue, out: &mut String) {
    // Writing to a string does not fail.
    let _written = match value {
        StatValue::Text(_) => Ok(()),
        StatValue::Counter(number) | StatValue::Gauge(number) => {
            writeln!(out, "{name}{{{tags}}} {number}")
        }
        StatValue::Histogram { total, .. } => {
            write_buckets(name, tags, total, out);
            writeln!(out, "{name}_sum{{{tags}}} {}", total.sum)
                .and_then(|()| writeln!(out, "{name}_count{{{tags}}} {}", total.count))
        }
    };
}

fn write_buckets(name: &str, tags: &str, total: &Distribution, out: &mut String) {
    let comma = if tags.is_empty() { "" } else { "," };
    for text in BUCKETS {
        let bound: f64 = text.parse().unwrap_or(f64::INFINITY);
        let count = total.count_up_to(bound);
        out.push_str(&format!(
            "{name}_bucket{{{tags}{comma}le=\"{text}\"}} {count}\n"
        ));
    }
    let count = total.count;
    out.push_str(&format!(
        "{name}_bucket{{{tags}{comma}le=\"+Inf\"}} {count}\n"
    ));
}

/// Returns the metric's name and its tags; `None` for a plugin's name that Prometheus does not
/// allow.
fn name_and_tags(stat: &str) -> Option<(String, String)> {
    if let Some(name) = stat.strip_prefix(CUSTOM) {
        let name = sanitized(name);
        let starts_well = name
            .chars()
            .next()
            .is_some_and(|first| !first.is_ascii_digit());
        return starts_well.then(|| (name, String::new()));
    }
    let mut tags = Tags::default();
    let bare = tags.extract(stat);
    Some((format!("envoy_{}", sanitized(&bare)), tags.to_text()))
}

/// Envoy's names have dots, and guests may put anything into theirs.
fn sanitized(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// What Envoy takes out of names, in the order in which it is shown.
#[derive(Default)]
struct Tags<'a> {
    code: Option<&'a str>,
    class: Option<&'a str>,
    manager: Option<&'a str>,
    worker: Option<&'a str>,
    cluster: Option<&'a str>,
    listener: Option<&'a str>,
}

impl<'a> Tags<'a> {
    /// Takes the tags out of a name and returns what is left.
    fn extract(&mut self, stat: &'a str) -> String {
        if let Some(rest) = stat.strip_prefix("cluster.") {
            let (cluster, rest) = split_cluster(rest);
            self.cluster = Some(cluster);
            return format!("cluster.{}", self.without_code(rest));
        }
        if let Some(rest) = stat.strip_prefix("http.") {
            let (manager, rest) = rest.rsplit_once('.').unwrap_or((rest, ""));
            self.manager = Some(manager);
            return format!("http.{}", self.without_code(rest));
        }
        let Some((address, rest)) = stat.strip_prefix("listener.").and_then(split_listener) else {
            return stat.to_owned();
        };
        self.listener = Some(address);
        if let Some((manager, rest)) = rest
            .strip_prefix("http.")
            .and_then(|rest| rest.rsplit_once('.'))
        {
            self.manager = Some(manager);
            return format!("listener.http.{}", self.without_code(rest));
        }
        if let Some((worker, rest)) = rest
            .strip_prefix("worker_")
            .and_then(|rest| rest.split_once('.'))
        {
            self.worker = Some(worker);
            return format!("listener.worker.{rest}");
        }
        format!("listener.{rest}")
    }

    /// Takes `503` out of `upstream_rq_503`, and `5` out of `upstream_rq_5xx`.
    fn without_code(&mut self, name: &'a str) -> String {
        let Some((start, end)) = name.rsplit_once("_rq_") else {
            return name.to_owned();
        };
        if end.len() == 3 && end.bytes().all(|byte| byte.is_ascii_digit()) {
            self.code = Some(end);
            return format!("{start}_rq");
        }
        let class = end.strip_suffix("xx").filter(|class| class.len() == 1);
        if class.is_some() {
            self.class = class;
            return format!("{start}_rq_xx");
        }
        name.to_owned()
    }

    fn to_text(&self) -> String {
        let tags = [
            ("envoy_response_code", self.code),
            ("envoy_response_code_class", self.class),
            ("envoy_http_conn_manager_prefix", self.manager),
            ("envoy_worker_id", self.worker),
            ("envoy_cluster_name", self.cluster),
            ("envoy_listener_address", self.listener),
        ];
        let tags = tags.into_iter().filter_map(|(name, value)| {
            let value = value?
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            Some(format!("{name}=\"{value}\""))
        });
        tags.collect::<Vec<_>>().join(",")
    }
}

/// Splits `a.b.upstream_rq_total` after the cluster's name, which may have dots itself: what
/// follows it is known.
fn split_cluster(rest: &str) -> (&str, &str) {
    const SCOPES: [&str; 3] = [".circuit_breakers.", ".external.", ".internal."];
    let scope = SCOPES.iter().filter_map(|scope| rest.rfind(scope)).min();
    let end = scope.or_else(|| rest.rfind('.')).unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (name, after.strip_prefix('.').unwrap_or(after))
}

/// Splits after the listener's address, `127.0.0.1_80` or `[__1]_80`.
fn split_listener(rest: &str) -> Option<(&str, &str)> {
    let port = rest.find('_').filter(|_| !rest.starts_with('['));
    let port = port.or_else(|| rest.find("]_").map(|bracket| bracket + 1))?;
    let end = rest.get(port..)?.find('.')? + port;
    let (address, after) = rest.split_at_checked(end)?;
    address
        .starts_with(|c: char| c == '[' || c.is_ascii_digit())
        .then_some(())?;
    Some((address, after.strip_prefix('.')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(stat: &str) -> String {
        let (name, tags) = name_and_tags(stat).unwrap();
        format!("{name}{{{tags}}}")
    }

    #[test]
    fn names_are_envoys() {
        for (stat, expected) in [
            (
                "cluster.a.upstream_rq_503",
                r#"envoy_cluster_upstream_rq{envoy_response_code="503",envoy_cluster_name="a"}"#,
            ),
            (
                "cluster.a.external.upstream_rq_5xx",
                r#"envoy_cluster_external_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="a"}"#,
            ),
            (
                "cluster.a.b.upstream_cx_total",
                r#"envoy_cluster_upstream_cx_total{envoy_cluster_name="a.b"}"#,
            ),
            (
                "cluster.a.circuit_breakers.default.cx_open",
                r#"envoy_cluster_circuit_breakers_default_cx_open{envoy_cluster_name="a"}"#,
            ),
            (
                "http.in.downstream_rq_total",
                r#"envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="in"}"#,
            ),
            (
                "http.in.downstream_rq_2xx",
                r#"envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="in"}"#,
            ),
            (
                "listener.127.0.0.1_0.downstream_cx_total",
                r#"envoy_listener_downstream_cx_total{envoy_listener_address="127.0.0.1_0"}"#,
            ),
            (
                "listener.[__1]_80.downstream_cx_total",
                r#"envoy_listener_downstream_cx_total{envoy_listener_address="[__1]_80"}"#,
            ),
            (
                "listener.127.0.0.1_0.http.in.downstream_rq_5xx",
                r#"envoy_listener_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="in",envoy_listener_address="127.0.0.1_0"}"#,
            ),
            (
                "listener.127.0.0.1_0.worker_0.downstream_cx_total",
                r#"envoy_listener_worker_downstream_cx_total{envoy_worker_id="0",envoy_listener_address="127.0.0.1_0"}"#,
            ),
            (
                "listener.admin.downstream_cx_total",
                "envoy_listener_admin_downstream_cx_total{}",
            ),
            ("server.live", "envoy_server_live{}"),
            (
                "wasm.envoy.wasm.runtime.v8.active",
                "envoy_wasm_envoy_wasm_runtime_v8_active{}",
            ),
            (
                "listener_manager.listener_added",
                "envoy_listener_manager_listener_added{}",
            ),
        ] {
            assert_eq!(tagged(stat), expected);
        }
    }

    #[test]
    fn metrics_of_plugins_keep_their_own_names() {
        assert_eq!(
            tagged("wasmcustom.my.requests-total"),
            "my_requests_total{}"
        );
        assert_eq!(name_and_tags("wasmcustom.2fast"), None);
        assert_eq!(name_and_tags("wasmcustom."), None);
    }

    #[test]
    fn statistics_that_differ_in_tags_share_a_type_line() {
        let stat = |name: &str, value| StatSnapshot {
            name: name.to_owned(),
            value,
            used: true,
        };
        let text = write_prometheus(&[
            stat("cluster.a.upstream_cx_total", StatValue::Counter(1)),
            stat("cluster.b.upstream_cx_total", StatValue::Counter(2)),
            stat("server.live", StatValue::Gauge(1)),
        ]);
        assert_eq!(
            text,
            "# TYPE envoy_cluster_upstream_cx_total counter\n\
             envoy_cluster_upstream_cx_total{envoy_cluster_name=\"a\"} 1\n\
             envoy_cluster_upstream_cx_total{envoy_cluster_name=\"b\"} 2\n\
             # TYPE envoy_server_live gauge\n\
             envoy_server_live{} 1\n"
        );
    }

    #[test]
    fn a_histogram_has_buckets_a_sum_and_a_count() {
        let mut total = Distribution::default();
        total.sum = 31;
        total.add(1.0, 0.1, 1);
        total.add(30.0, 1.0, 1);
        let value = StatValue::Histogram {
            total,
            interval: Distribution::default(),
        };
        let name = "server.initialization_time_ms".to_owned();
        let text = write_prometheus(&[StatSnapshot {
            name,
            value,
            used: true,
        }]);
        for line in [
            "envoy_server_initialization_time_ms_bucket{le=\"0.5\"} 0",
            "envoy_server_initialization_time_ms_bucket{le=\"1\"} 1",
            "envoy_server_initialization_time_ms_bucket{le=\"50\"} 2",
            "envoy_server_initialization_time_ms_bucket{le=\"+Inf\"} 2",
            "envoy_server_initialization_time_ms_sum{} 31",
            "envoy_server_initialization_time_ms_count{} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn quotes_in_tags_are_escaped() {
        assert_eq!(
            tagged("cluster.a\"b.x"),
            "envoy_cluster_x{envoy_cluster_name=\"a\\\"b\"}"
        );
    }
}
