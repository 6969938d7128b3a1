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
        same("referer", ex.referer()),
        same("user_agent", ex.user_agent()),
        any("headers", ex.request_headers()),
        same("protocol", ex.protocol()),
        same("url_path", ex.url_path()),
        same("query", ex.query()),
        same("scheme", ex.scheme()),
        any("start_time", ex.start_time()),
        any("duration", ex.duration()),
        same("size", ex.request_size()),
        any("total_size", ex.request_total_size()),
        same("route", ex.route_name()),
        same("cluster", ex.cluster_name()),
        same("virtual_host", ex.virtual_host_name()),
        same("filter_chain", ex.filter_chain_name()),
        same("direction", ex.listener_direction()),
        any("node", ex.node_id()),
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
    ]
}

fn upstream_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        any("address", ex.upstream_address()),
        any("port", ex.upstream_port()),
        any("local_address", ex.upstream_local_address()),
        same("failure", ex.upstream_failure()),
        same("attempts", ex.upstream_attempts()),
        same("tls", ex.upstream_tls_version()),
        same("certificate_uri", ex.upstream_certificate_uri()),
    ]
}

fn response_attributes(ex: &Exchange<()>) -> Vec<String> {
    vec![
        same("code", ex.response_code()),
        same("details", ex.response_code_details()),
        same("flags", ex.response_flags()),
        same("grpc_status", ex.grpc_status()),
        any("headers", ex.response_headers()),
        same("size", ex.response_size()),
        any("total_size", ex.response_total_size()),
        any("latency", ex.backend_latency()),
        any("duration", ex.duration()),
        same("plugin", ex.plugin_name()),
        same("root_id", ex.plugin_root_id()),
        same("vm_id", ex.plugin_vm_id()),
    ]
}
