//! Routes from configuration to answer; and what tests of others need of it.

mod effects;
mod matching;

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Version};
use tollgate_config as config;
use tollgate_config::{HeaderMutation, PathMatch};

use super::RouteTable;
use crate::filter::{
    ConnectionInfo, HeaderTable, ListenerInfo, RouteCache, StreamInfo, StreamState,
};

pub(crate) fn request(authority: &str, path: &str, fields: &[(&'static str, &str)]) -> HeaderTable {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    HeaderTable::from_request(
        &Method::GET,
        Some("http"),
        Some(HeaderValue::from_str(authority).unwrap()),
        Some(path.parse().unwrap()),
        headers,
    )
}

pub(crate) fn state(table: &Rc<RouteTable>, headers: HeaderTable) -> Rc<StreamState> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let info = StreamInfo::new(
        SystemTime::UNIX_EPOCH,
        Instant::now(),
        Version::HTTP_11,
        address,
    );
    let connection = Rc::new(ConnectionInfo {
        id: 1,
        local_address: address,
        remote_address: address,
        requested_server_name: None,
        tls: None,
        filter_chain_name: String::new(),
        listener: Rc::new(ListenerInfo::default()),
        transport_failure_reason: None,
        state: Rc::default(),
    });
    StreamState::new(
        headers,
        info,
        connection,
        RouteCache::new(Rc::clone(table), 0),
    )
}

pub(super) fn matches(path: PathMatch) -> config::RouteMatch {
    config::RouteMatch {
        path,
        case_sensitive: true,
        headers: Vec::new(),
        query_parameters: Vec::new(),
        grpc: false,
    }
}

pub(super) fn prefix(text: &str) -> config::RouteMatch {
    matches(PathMatch::Prefix(text.to_owned()))
}

pub(super) fn route(name: &str, matches: config::RouteMatch) -> config::Route {
    config::Route {
        name: name.to_owned(),
        matches,
        action: forward(config::ClusterSpecifier::Cluster(name.to_owned())),
        metadata: config::ProtoMessage::default(),
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
    }
}

pub(super) fn forward(cluster: config::ClusterSpecifier) -> config::RouteActionKind {
    config::RouteActionKind::Route(config::RouteAction {
        cluster,
        timeout: None,
        idle_timeout: None,
        path_rewrite: None,
        host_rewrite: None,
        upgrade_types: Vec::new(),
    })
}

pub(super) fn rewriting(
    path: Option<config::PathRewrite>,
    host: Option<config::HostRewrite>,
) -> config::RouteActionKind {
    config::RouteActionKind::Route(config::RouteAction {
        cluster: config::ClusterSpecifier::Cluster("c".to_owned()),
        timeout: None,
        idle_timeout: None,
        path_rewrite: path,
        host_rewrite: host,
        upgrade_types: Vec::new(),
    })
}

pub(super) fn host(
    name: &str,
    domains: &[&str],
    routes: Vec<config::Route>,
) -> config::VirtualHost {
    config::VirtualHost {
        name: name.to_owned(),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        routes,
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
        require_tls: false,
        metadata: config::ProtoMessage::default(),
    }
}

pub(super) fn configuration(hosts: Vec<config::VirtualHost>) -> config::RouteConfiguration {
    config::RouteConfiguration {
        name: "local".to_owned(),
        virtual_hosts: hosts,
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
    }
}

pub(crate) fn table(hosts: Vec<config::VirtualHost>) -> Rc<RouteTable> {
    Rc::new(RouteTable::new(&configuration(hosts)).unwrap())
}

pub(super) fn only(route: config::Route) -> Rc<RouteTable> {
    table(vec![host("all", &["*"], vec![route])])
}

pub(super) fn selects(table: &RouteTable, headers: &HeaderTable) -> Option<String> {
    table
        .select(headers, 0)
        .map(|route| route.name().to_owned())
}

pub(super) fn takes(matches: config::RouteMatch, path: &str) -> bool {
    only(route("r", matches))
        .select(&request("a", path, &[]), 0)
        .is_some()
}
