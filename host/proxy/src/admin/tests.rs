//! The pages, without and with a socket.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use http::Method;
use serde_json::Value;
use tollgate_config::{Bootstrap, DiagnosisSettings, LoadOptions, parse};

use super::reply::Reply;
use super::{AdminContext, BoundAdmin, PAGES, ServerState, StateCell, answer};
use crate::generation::{Deployment, Generation, GenerationId, Generations, Reloads};
use crate::http::access_log::AccessLogWriter;
use crate::telemetry::{HostFacts, Hosts, Stats};
use crate::wasm::{FaultSink, LoadedPlugins};

const CONFIGURATION: &str = "
node: {id: node-1, cluster: edge}
static_resources:
  listeners:
  - name: main
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: origin
  clusters:
  - name: origin
    type: STATIC
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 81}}}
";

fn context() -> AdminContext {
    let stats = Stats::new();
    let loaded = parse(CONFIGURATION, "envoy.yaml", &LoadOptions::default()).unwrap();
    let state = StateCell::new();
    state.set(ServerState::Live);
    let generations = Generations::new(&stats);
    generations.set_current(&generation(loaded.bootstrap));
    AdminContext {
        access_logs: Arc::new(AccessLogWriter::start(&stats).unwrap()),
        hosts: Hosts::default(),
        generations,
        reloads: Reloads::new(&stats),
        stats,
        state,
        concurrency: 2,
        started: (UNIX_EPOCH + Duration::from_secs(1), Instant::now()),
        faults: FaultSink::new(&DiagnosisSettings::default()),
        failing_plugins: Arc::default(),
        quit: Box::new(|| ()),
    }
}

fn generation(bootstrap: Bootstrap) -> Arc<Generation> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
    let deployment = Deployment::new(bootstrap, None, |_| Ok(address)).unwrap();
    Generation::new(GenerationId(1), vec![deployment], LoadedPlugins::default())
}

fn get(context: &AdminContext, target: &str) -> Reply {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(p, q)| (p, Some(q)));
    answer(context, &Method::GET, path, query)
}

fn post(context: &AdminContext, path: &str) -> Reply {
    answer(context, &Method::POST, path, None)
}

fn json(context: &AdminContext, target: &str) -> Value {
    let reply = get(context, target);
    assert_eq!(
        (reply.status, reply.content_type),
        (200, "application/json")
    );
    serde_json::from_str(&reply.body).unwrap()
}

fn counter(context: &AdminContext, name: &str, value: u64) {
    context.stats.counter(name).add(value);
}

#[test]
fn readiness_follows_the_state() {
    let context = context();
    let ready = || {
        let reply = get(&context, "/ready");
        (reply.status, reply.body)
    };
    assert_eq!(ready(), (200, "LIVE\n".to_owned()));
    assert_eq!(post(&context, "/healthcheck/fail").body, "OK\n");
    assert_eq!(ready(), (503, "DRAINING\n".to_owned()));
    assert_eq!(post(&context, "/healthcheck/ok").body, "OK\n");
    assert_eq!(ready(), (200, "LIVE\n".to_owned()));
    context.state.set(ServerState::Initializing);
    assert_eq!(ready(), (503, "INITIALIZING\n".to_owned()));
}

#[test]
fn actions_want_a_post() {
    let reply = get(&context(), "/quitquitquit");
    assert_eq!(reply.status, 405);
    assert_eq!(reply.body, "Method GET not allowed, POST required.");
}

#[test]
fn quitting_calls_back() {
    let called = Arc::new(AtomicBool::new(false));
    let quit = Arc::clone(&called);
    let quit = Box::new(move || quit.store(true, Ordering::Relaxed));
    assert_eq!(
        post(&AdminContext { quit, ..context() }, "/quitquitquit").body,
        "OK\n"
    );
    assert!(called.load(Ordering::Relaxed));
}

#[test]
fn a_plugin_that_lets_nothing_pass_and_keeps_failing_makes_the_proxy_not_ready() {
    let context = context();
    assert_eq!(get(&context, "/ready").status, 200);
    context.failing_plugins.set("auth", true);
    context.failing_plugins.set("auth", true);
    let reply = get(&context, "/ready");
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.body,
        "LIVE\nplugin `auth` keeps failing on 2 of the workers\n"
    );
    context.failing_plugins.set("auth", false);
    context.failing_plugins.set("auth", false);
    assert_eq!(get(&context, "/ready").status, 200);
}

#[test]
fn an_unknown_path_gets_the_list() {
    let reply = get(&context(), "/nosuch");
    assert_eq!(reply.status, 404);
    assert!(
        reply
            .body
            .starts_with("invalid path. admin commands are:\n  /: Admin home page\n")
    );
}

#[test]
fn help_names_every_page_in_order() {
    let help = get(&context(), "/help").body;
    assert!(help.starts_with("admin commands are:\n"));
    assert!(help.contains("  /quitquitquit (POST): exit the server\n"));
    let paths: Vec<&str> = PAGES.iter().map(|page| page.path).collect();
    let sorted: Vec<&str> = paths
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(paths, sorted);
    assert!(paths.iter().all(|path| help.contains(path)));
}

#[test]
fn statistics_are_lines_of_text() {
    let context = context();
    counter(&context, "http.in.downstream_rq_total", 3);
    context
        .stats
        .histogram("http.in.downstream_rq_time")
        .record(1);
    let _empty = context.stats.histogram("http.in.downstream_cx_length_ms");
    let body = get(&context, "/stats?filter=^http").body;
    assert_eq!(
        body,
        "http.in.downstream_rq_total: 3\n\
         http.in.downstream_cx_length_ms: No recorded values\n\
         http.in.downstream_rq_time: P0(nan,1.05) P25(nan,1.05) P50(nan,1.05) P75(nan,1.05) \
         P90(nan,1.05) P95(nan,1.05) P99(nan,1.05) P99.5(nan,1.05) P99.9(nan,1.05) \
         P100(nan,1.05)\n"
    );
}

#[test]
fn statistics_can_be_narrowed() {
    let context = context();
    counter(&context, "a.used", 1);
    counter(&context, "a.unused", 0);
    context.stats.gauge("a.gauge").set(2);
    let body = |query: &str| get(&context, &format!("/stats?filter=%5Ea%5C.&{query}")).body;
    assert_eq!(body("usedonly"), "a.gauge: 2\na.used: 1\n");
    assert_eq!(body("type=Gauges"), "a.gauge: 2\n");
    assert_eq!(body("type=Counters&usedonly"), "a.used: 1\n");
}

#[test]
fn what_cannot_be_shown_is_said() {
    let context = context();
    for query in ["format=xyz", "type=Some", "filter=("] {
        assert_eq!(
            get(&context, &format!("/stats?{query}")).status,
            400,
            "{query}"
        );
    }
}

#[test]
fn statistics_are_json_on_request() {
    let context = context();
    counter(&context, "a.count", 7);
    context.stats.histogram("a.time").record(0);
    let stats = json(&context, "/stats?format=json&filter=^a");
    assert_eq!(stats["stats"][0]["name"], "a.count");
    assert_eq!(stats["stats"][0]["value"], 7);
    let histograms = &stats["stats"][1]["histograms"];
    assert_eq!(histograms["supported_quantiles"][7], 99.5);
    assert_eq!(histograms["computed_quantiles"][0]["name"], "a.time");
    assert_eq!(
        histograms["computed_quantiles"][0]["values"][0]["cumulative"],
        0.0
    );
    assert!(histograms["computed_quantiles"][0]["values"][0]["interval"].is_null());
}

#[test]
fn the_server_describes_itself() {
    let context = context();
    let stats = get(&context, "/stats?filter=^server").body;
    assert!(stats.contains("server.live: 1\n") && stats.contains("server.concurrency: 2\n"));
    let info = json(&context, "/server_info");
    assert_eq!(info["state"], "LIVE");
    assert_eq!(info["node"]["id"], "node-1");
    assert_eq!(info["command_line_options"]["concurrency"], 2);
}

#[test]
fn prometheus_has_a_page_and_a_format() {
    let context = context();
    counter(&context, "http.in.downstream_rq_2xx", 1);
    let line = "envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\",\
                envoy_http_conn_manager_prefix=\"in\"} 1\n";
    for target in [
        "/stats/prometheus",
        "/stats?format=prometheus",
        "/stats/prometheus?usedonly",
    ] {
        assert!(get(&context, target).body.contains(line), "{target}");
    }
}

#[test]
fn counters_can_be_reset() {
    let context = context();
    counter(&context, "a.count", 7);
    post(&context, "/reset_counters");
    assert_eq!(get(&context, "/stats?filter=^a").body, "a.count: 0\n");
}

#[test]
fn listeners_are_shown_with_their_addresses() {
    let context = context();
    assert_eq!(get(&context, "/listeners").body, "main::127.0.0.1:80\n");
    let statuses = json(&context, "/listeners?format=json");
    let address = &statuses["listener_statuses"][0]["local_address"]["socket_address"];
    assert_eq!(
        (&address["address"], &address["port_value"]),
        (&"127.0.0.1".into(), &80.into())
    );
}

#[test]
fn clusters_are_shown_with_their_hosts() {
    let context = context();
    let facts = HostFacts {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 81)),
        hostname: String::new(),
        weight: 1,
        healthy: true,
    };
    let host = context.hosts.host(&Arc::from("origin"), &facts);
    host.rq_total.inc();
    let text = get(&context, "/clusters").body;
    assert!(text.starts_with(
        "origin::observability_name::origin\n\
         origin::default_priority::max_connections::1024\n"
    ));
    assert!(text.contains("origin::added_via_api::false\norigin::127.0.0.1:81::cx_active::0\n"));
    assert!(text.contains("origin::127.0.0.1:81::rq_total::1\n"));
    assert!(text.contains("origin::127.0.0.1:81::health_flags::healthy\n"));
    let status = &json(&context, "/clusters?format=json")["cluster_statuses"][0];
    assert_eq!(status["name"], "origin");
    assert_eq!(
        status["circuit_breakers"]["thresholds"][1]["priority"],
        "HIGH"
    );
    let host = &status["host_statuses"][0];
    assert_eq!(host["health_status"]["eds_health_status"], "HEALTHY");
    assert_eq!(host["stats"][8]["value"], "1");
}

#[test]
fn the_configuration_can_be_read_back() {
    let context = context();
    let configs = json(&context, "/config_dump");
    let kinds: Vec<&str> = configs["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|config| {
            config["@type"]
                .as_str()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
        })
        .collect();
    let expected = [
        "BootstrapConfigDump",
        "ClustersConfigDump",
        "EcdsConfigDump",
        "ListenersConfigDump",
        "RoutesConfigDump",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(configs["configs"][0]["bootstrap"]["node"]["id"], "node-1");
    let since = context.generation().unwrap().since();
    let updated = configs["configs"][0]["last_updated"].clone();
    assert_eq!(updated, super::server_info::timestamp(since));
    let clusters = json(&context, "/config_dump?resource=static_clusters");
    assert_eq!(clusters["configs"][0]["cluster"]["name"], "origin");
    assert_eq!(get(&context, "/config_dump?resource=nothing").status, 404);
}

#[test]
fn pages_are_served_over_http() {
    let bound = BoundAdmin::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let admin = bound.serve(context()).unwrap();
    let mut stream = TcpStream::connect(admin.address()).unwrap();
    stream
        .write_all(b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("cache-control: no-cache, max-age=0\r\n"));
    assert!(response.ends_with("\r\n\r\nLIVE\n"), "{response}");
}

#[test]
fn an_address_in_use_is_named() {
    let first = BoundAdmin::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let error = BoundAdmin::bind(first.address()).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("admin: cannot bind {}: ", first.address())),
        "{error}"
    );
}
