//! Reads every attribute by its getter, and calls foreign functions.

use std::fmt::Debug;

use tollgate::foreign::{self, LifeSpan};
use tollgate::metric::{Counter, Gauge};
use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Surveying {
    visits: Counter<0>,
    level: Gauge<0>,
}

impl Plugin for Surveying {
    const NAME: &'static str = "surveying";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            visits: Counter::new("workshop_visits", []),
            level: Gauge::new("workshop_level", []),
        })
    }
}

#[http_filter]
impl HttpFilter for Surveying {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        match ex.path()?.as_bytes() {
            b"/functions" => crate::tell(functions(ex)?),
            b"/metrics" => {
                self.visits.increment([]);
                self.level.add([], 7);
                self.level.add([], -2);
                let (visits, level) = (self.visits.value([])?, self.level.value([])?);
                crate::tell(format!("{visits} {level}"))
            }
            path if path.starts_with(b"/attributes") => {
                log::info!("request: {}", request_attributes(ex).join(" "));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn log(&self, ex: &mut Exchange<()>) {
        if ex.path().is_ok_and(|path| path.starts_with(b"/attributes")) {
            log::info!("connection: {}", connection_attributes(ex).join(" "));
            log::info!("upstream: {}", upstream_attributes(ex).join(" "));
            log::info!("response: {}", response_attributes(ex).join(" "));
        }
    }
}

fn functions(ex: &mut Exchange<()>) -> Result<String, Reject> {
    let text = "surface ".repeat(3);
    let shrunk = foreign::call("compress", &text)?;
    let grown = foreign::call("uncompress", shrunk)?;
    let none = foreign::call("no_such_function", "").err();
    foreign::clear_route_cache()?;
    let key = "envoy.tcp_proxy.cluster";
    foreign::set_filter_state(key, "raw", LifeSpan::FilterChain)?;
    let state: Option<String> = ex.filter_state(key)?;
    ex.set_property("workshop", "mine")?;
    let own = ex.own_property("workshop")?;
    let metadata: Option<String> = ex.metadata("workshop", "none")?;
    let same = grown == text.as_bytes();
    Ok(format!("{same} {none:?} {state:?} {own:?} {metadata:?}"))
}

/// The value of an attribute that is the same on every run.
fn same<T: Debug>(name: &str, value: Result<Option<T>, Error>) -> String {
    match value {
        Ok(Some(value)) => format!("{name}={value:?}"),
        Ok(None) => format!("{name}=-"),
        Err(error) => format!("{name}={error}"),
    }
}

/// Whether an attribute is there whose value differs from run to run.
fn any<T>(name: &str, value: Result<Option<T>, Error>) -> String {
    same(name, value.map(|value| value.map(|_| ())))
}

fn request_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        any("id", ex.request_id()),
        same("path", ex.request_path()),
        same("method", ex.request_method()),
        any("host", ex.request_host()),
        same("referer", ex.referer()),
        same("user_agent", ex.user_agent()),
        any("headers", ex.request_headers()),
        any("headers_size", ex.request_headers_size()),
        same("protocol", ex.protocol()),
        same("url_path", ex.url_path()),
        same("query", ex.query()),
        same("scheme", ex.scheme()),
        any("start_time", ex.start_time()),
        any("duration", ex.duration()),
        same("size", ex.request_size()),
        any("total_size", ex.request_total_size()),
        same("route", ex.route_name()),
        any("route_metadata", ex.route_metadata()),
        same("cluster", ex.cluster_name()),
        any("cluster_metadata", ex.cluster_metadata()),
        same("virtual_host", ex.virtual_host_name()),
        any("virtual_host_metadata", ex.virtual_host_metadata()),
        same("filter_chain", ex.filter_chain_name()),
        same("direction", ex.listener_direction()),
        any("listener_metadata", ex.listener_metadata()),
        any("node", ex.node()),
        any("node_id", ex.node_id()),
        any("metadata", ex.dynamic_metadata()),
        same("by_path", ex.prop::<u64>(path!["request", "size"])),
        same("by_parts", ex.property(["request", "method"])),
        same("ill_typed", ex.prop::<u64>(path!["request", "method"])),
    ]
}

fn connection_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        any("remote_address", ex.remote_address()),
        same("remote_ip", ex.remote_ip()),
        any("remote_port", ex.remote_port()),
        any("local_address", ex.local_address()),
        any("local_port", ex.local_port()),
        any("id", ex.connection_id()),
        same("tls", ex.tls_version()),
        same("sni", ex.requested_server_name()),
        same("mtls", ex.is_mtls()),
        same("peer_subject", ex.peer_certificate_subject()),
        same("peer_uri", ex.peer_certificate_uri()),
        same("peer_dns", ex.peer_certificate_dns()),
        same("peer_digest", ex.peer_certificate_digest()),
        same("local_subject", ex.local_certificate_subject()),
        same("local_uri", ex.local_certificate_uri()),
        same("local_dns", ex.local_certificate_dns()),
        same("termination", ex.termination_details()),
        same("failure", ex.connection_failure()),
    ]
}

fn upstream_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        any("address", ex.upstream_address()),
        any("port", ex.upstream_port()),
        any("local_address", ex.upstream_local_address()),
        any("locality", ex.upstream_locality()),
        any("metadata", ex.upstream_host_metadata()),
        any("locality_metadata", ex.upstream_locality_metadata()),
        same("failure", ex.upstream_failure()),
        same("attempts", ex.upstream_attempts()),
        any("connect_time", ex.upstream_connect_time()),
        same("endpoints", ex.upstream_endpoints()),
        same("state", ex.upstream_filter_state::<String>("none")),
        same("tls", ex.upstream_tls_version()),
        same("subject", ex.upstream_certificate_subject()),
        same("uri", ex.upstream_certificate_uri()),
        same("dns", ex.upstream_certificate_dns()),
        same("digest", ex.upstream_certificate_digest()),
        same("own_subject", ex.upstream_local_certificate_subject()),
        same("own_uri", ex.upstream_local_certificate_uri()),
        same("own_dns", ex.upstream_local_certificate_dns()),
    ]
}

fn response_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        same("code", ex.response_code()),
        same("details", ex.response_code_details()),
        same("flags", ex.response_flags()),
        same("grpc_status", ex.grpc_status()),
        any("headers", ex.response_headers()),
        any("headers_size", ex.response_headers_size()),
        any("trailers", ex.response_trailers()),
        same("size", ex.response_size()),
        any("total_size", ex.response_total_size()),
        any("latency", ex.backend_latency()),
        any("duration", ex.duration()),
        same("plugin", ex.plugin_name()),
        same("root_id", ex.plugin_root_id()),
        same("vm_id", ex.plugin_vm_id()),
    ]
}
