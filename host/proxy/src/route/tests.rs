//! Routes from configuration to answer.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use regex::bytes::Regex;
use tollgate_config as config;
use tollgate_config::{HeaderAppendAction, HeaderMutation, PathMatch, PerFilter};

use super::{RouteAction, RouteTable, SelectedRoute};
use crate::filter::{
    ConnectionInfo, HeaderTable, ListenerInfo, RouteCache, StreamInfo, StreamState,
};

fn request(authority: &str, path: &str, fields: &[(&'static str, &str)]) -> HeaderTable {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let text = |text: &str| Some(HeaderValue::from_str(text).unwrap());
    HeaderTable::from_request(
        &Method::GET,
        Some("http"),
        text(authority),
        text(path),
        headers,
    )
}

fn state(table: &Rc<RouteTable>, headers: HeaderTable) -> Rc<StreamState> {
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
    });
    StreamState::new(
        headers,
        info,
        connection,
        RouteCache::new(Rc::clone(table), 0),
    )
}

fn matches(path: PathMatch) -> config::RouteMatch {
    config::RouteMatch {
        path,
        case_sensitive: true,
        headers: Vec::new(),
        query_parameters: Vec::new(),
        grpc: false,
    }
}

fn prefix(text: &str) -> config::RouteMatch {
    matches(PathMatch::Prefix(text.to_owned()))
}

fn route(name: &str, matches: config::RouteMatch) -> config::Route {
    config::Route {
        name: name.to_owned(),
        matches,
        action: forward(config::ClusterSpecifier::Cluster(name.to_owned())),
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
    }
}

fn forward(cluster: config::ClusterSpecifier) -> config::RouteActionKind {
    config::RouteActionKind::Route(config::RouteAction {
        cluster,
        timeout: None,
        idle_timeout: None,
        path_rewrite: None,
        host_rewrite: None,
        upgrade_types: Vec::new(),
    })
}

fn rewriting(
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

fn host(name: &str, domains: &[&str], routes: Vec<config::Route>) -> config::VirtualHost {
    config::VirtualHost {
        name: name.to_owned(),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        routes,
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
        require_tls: false,
    }
}

fn configuration(hosts: Vec<config::VirtualHost>) -> config::RouteConfiguration {
    config::RouteConfiguration {
        name: "local".to_owned(),
        virtual_hosts: hosts,
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
    }
}

fn table(hosts: Vec<config::VirtualHost>) -> Rc<RouteTable> {
    Rc::new(RouteTable::new(&configuration(hosts)).unwrap())
}

fn only(route: config::Route) -> Rc<RouteTable> {
    table(vec![host("all", &["*"], vec![route])])
}

fn selects(table: &RouteTable, headers: &HeaderTable) -> Option<String> {
    table
        .select(headers, 0)
        .map(|route| route.name().to_owned())
}

fn takes(matches: config::RouteMatch, path: &str) -> bool {
    only(route("r", matches))
        .select(&request("a", path, &[]), 0)
        .is_some()
}

#[test]
fn the_most_specific_domain_wins() {
    let catch = |name: &str, domains: &[&str]| host(name, domains, vec![route(name, prefix("/"))]);
    let table = table(vec![
        catch("any", &["*"]),
        catch("exact", &["www.example.com"]),
        catch("suffix", &["*.example.com"]),
        catch("long-suffix", &["*.www.example.com"]),
        catch("prefix", &["www.*"]),
        catch("long-prefix", &["www.example.*"]),
    ]);
    for (authority, expected) in [
        ("www.example.com", "exact"),
        ("WWW.Example.COM", "exact"),
        ("a.example.com", "suffix"),
        ("b.www.example.com", "long-suffix"),
        ("www.example.org", "long-prefix"),
        ("www.other.org", "prefix"),
        ("other", "any"),
        // A port is part of the text, so the exact domain does not fit.
        ("www.example.com:8080", "long-prefix"),
        (".example.com", "any"),
    ] {
        let found = selects(&table, &request(authority, "/", &[]));
        assert_eq!(found.as_deref(), Some(expected), "{authority}");
    }
}

#[test]
fn an_unknown_domain_has_no_route() {
    let table = table(vec![host(
        "a",
        &["a.example"],
        vec![route("r", prefix("/"))],
    )]);
    assert_eq!(selects(&table, &request("b.example", "/", &[])), None);
}

#[test]
fn the_first_route_that_fits_wins() {
    let routes = vec![route("first", prefix("/a")), route("second", prefix("/"))];
    let table = table(vec![host("h", &["*"], routes)]);
    assert_eq!(
        selects(&table, &request("h", "/ab", &[])).as_deref(),
        Some("first")
    );
    assert_eq!(
        selects(&table, &request("h", "/b", &[])).as_deref(),
        Some("second")
    );
}

#[test]
fn a_request_without_forwarded_proto_has_no_route() {
    let mut headers = request("a", "/", &[]);
    headers.remove(b"x-forwarded-proto");
    assert!(only(route("r", prefix("/"))).select(&headers, 0).is_none());
}

#[test]
fn a_query_takes_no_part_in_any_path_match() {
    assert!(takes(matches(PathMatch::Path("/a".to_owned())), "/a?b"));
    assert!(!takes(prefix("/a?b"), "/a?b"));
    assert!(takes(
        matches(PathMatch::SafeRegex(Regex::new("/[0-9]+").unwrap())),
        "/12?z"
    ));
    assert!(!takes(
        matches(PathMatch::SafeRegex(Regex::new("/[0-9]+").unwrap())),
        "/12a"
    ));
}

#[test]
fn a_separated_prefix_ends_at_a_slash() {
    let separated = || matches(PathMatch::PathSeparatedPrefix("/sep".to_owned()));
    assert!(takes(separated(), "/sep"));
    assert!(takes(separated(), "/sep/a"));
    assert!(takes(separated(), "/sep?x"));
    assert!(!takes(separated(), "/sepa"));
}

#[test]
fn letter_case_of_a_path_may_be_ignored() {
    let insensitive = config::RouteMatch {
        case_sensitive: false,
        ..prefix("/Ab")
    };
    assert!(takes(insensitive, "/aBc"));
    assert!(!takes(prefix("/Ab"), "/aBc"));
}

#[test]
fn header_conditions_read_all_values_joined() {
    let text = "a,b".to_owned();
    let matcher = config::HeaderMatcher {
        name: "x-h".to_owned(),
        value: Some(config::StringMatcher::Exact {
            text,
            ignore_case: false,
        }),
        present: true,
        invert: false,
        treat_missing_as_empty: false,
    };
    let table = only(route(
        "r",
        config::RouteMatch {
            headers: vec![matcher],
            ..prefix("/")
        },
    ));
    assert!(
        table
            .select(&request("a", "/", &[("x-h", "a"), ("x-h", "b")]), 0)
            .is_some()
    );
    assert!(
        table
            .select(&request("a", "/", &[("x-h", "a")]), 0)
            .is_none()
    );
    assert!(table.select(&request("a", "/", &[]), 0).is_none());
}

#[test]
fn a_missing_header_matches_no_inverted_value_but_an_absence() {
    let matcher = |value: Option<&str>, present, invert| config::HeaderMatcher {
        name: "x-h".to_owned(),
        value: value.map(|text| config::StringMatcher::Exact {
            text: text.to_owned(),
            ignore_case: false,
        }),
        present,
        invert,
        treat_missing_as_empty: false,
    };
    let accepts = |matcher, fields: &[(&'static str, &str)]| {
        let matches = config::RouteMatch {
            headers: vec![matcher],
            ..prefix("/")
        };
        only(route("r", matches))
            .select(&request("a", "/", fields), 0)
            .is_some()
    };
    assert!(!accepts(matcher(Some("v"), true, true), &[]));
    assert!(accepts(matcher(Some("v"), true, true), &[("x-h", "w")]));
    assert!(accepts(matcher(None, false, false), &[]));
    assert!(accepts(matcher(None, true, true), &[]));
    assert!(!accepts(matcher(None, false, false), &[("x-h", "")]));
}

#[test]
fn a_query_condition_compares_the_raw_value() {
    let parameter = |value: Option<&str>| config::QueryParameterMatcher {
        name: "a".to_owned(),
        value: value.map(|text| config::StringMatcher::Exact {
            text: text.to_owned(),
            ignore_case: false,
        }),
    };
    let with = |value| config::RouteMatch {
        query_parameters: vec![parameter(value)],
        ..prefix("/")
    };
    assert!(takes(with(Some("b%20c")), "/?x&a=b%20c"));
    assert!(!takes(with(Some("b c")), "/?a=b%20c"));
    assert!(takes(with(None), "/?a"));
    assert!(!takes(with(None), "/?b"));
}

#[test]
fn a_grpc_route_wants_a_grpc_content_type() {
    let table = only(route(
        "r",
        config::RouteMatch {
            grpc: true,
            ..prefix("/")
        },
    ));
    let accepts = |content_type: &str| {
        table
            .select(&request("a", "/", &[("content-type", content_type)]), 0)
            .is_some()
    };
    assert!(accepts("application/grpc"));
    assert!(accepts("application/grpc+proto"));
    assert!(!accepts("application/grpc-web"));
    assert!(!accepts("text/plain"));
}

#[test]
fn weighted_clusters_share_the_random_numbers() {
    let cluster = |name: &str, weight| config::WeightedCluster {
        name: name.to_owned(),
        weight,
        request_headers: HeaderMutation::default(),
        response_headers: HeaderMutation::default(),
        per_filter: Vec::new(),
    };
    let clusters = vec![cluster("a", 1), cluster("none", 0), cluster("b", 3)];
    let action = forward(config::ClusterSpecifier::WeightedClusters(clusters));
    let table = only(config::Route {
        action,
        ..route("r", prefix("/"))
    });
    let chosen = [0, 1, 2, 3, 4, u64::MAX].map(|random| {
        let route = table.select(&request("h", "/", &[]), random).unwrap();
        route.cluster_name().unwrap().to_string()
    });
    assert_eq!(chosen, ["a", "b", "b", "b", "a", "b"]);
}

#[test]
fn a_cluster_header_names_the_cluster() {
    let action = forward(config::ClusterSpecifier::ClusterHeader(
        "x-cluster".to_owned(),
    ));
    let table = only(config::Route {
        action,
        ..route("r", prefix("/"))
    });
    let cluster = |fields: &[(&'static str, &str)]| {
        let route = table.select(&request("h", "/", fields), 0).unwrap();
        route.cluster_name().unwrap().to_string()
    };
    assert_eq!(cluster(&[("x-cluster", "blue")]), "blue");
    assert_eq!(cluster(&[]), "");
}

#[test]
fn the_nearest_scope_decides_about_a_filter() {
    let per_filter = |name: &str, disabled| PerFilter {
        name: name.to_owned(),
        disabled,
    };
    let own = config::Route {
        per_filter: vec![per_filter("auth", false)],
        ..route("r", prefix("/"))
    };
    let mut all = host("h", &["*"], vec![own]);
    all.per_filter = vec![per_filter("auth", true), per_filter("limit", true)];
    let mut routes = configuration(vec![all]);
    routes.per_filter = vec![per_filter("limit", false), per_filter("other", true)];
    let table = RouteTable::new(&routes).unwrap();
    let route = table.select(&request("h", "/", &[]), 0).unwrap();
    let disabled = ["auth", "limit", "other", "none"].map(|name| route.filter_disabled(name));
    assert_eq!(disabled, [Some(false), Some(true), Some(true), None]);
}

#[test]
fn plain_requests_to_a_tls_only_host_are_redirected() {
    let mut all = host("h", &["*"], vec![route("r", prefix("/"))]);
    all.require_tls = true;
    let table = table(vec![all]);
    let state = state(&table, request("a:80", "/x?y", &[]));
    let reply = state
        .selected_route()
        .unwrap()
        .direct_reply(&state, false)
        .unwrap();
    assert_eq!(reply.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(location(&reply.headers), "https://a/x?y");
    let mut secure = request("a", "/", &[]);
    secure.replace(b"x-forwarded-proto", b"https");
    assert_eq!(selects(&table, &secure).as_deref(), Some("r"));
}

fn location(headers: &[(bytes::Bytes, bytes::Bytes)]) -> String {
    let found = headers.iter().find(|(name, _)| name == "location").unwrap();
    String::from_utf8(found.1.to_vec()).unwrap()
}

fn redirected(redirect: config::Redirect, authority: &str, path: &str) -> String {
    let action = config::RouteActionKind::Redirect(redirect);
    let table = only(config::Route {
        action,
        ..route("r", prefix("/p"))
    });
    let state = state(&table, request(authority, path, &[]));
    let reply = state
        .selected_route()
        .unwrap()
        .direct_reply(&state, false)
        .unwrap();
    location(&reply.headers)
}

fn redirect() -> config::Redirect {
    config::Redirect {
        scheme: None,
        host: None,
        port: None,
        path: None,
        prefix_rewrite: None,
        status: 301,
        strip_query: false,
    }
}

#[test]
fn a_redirect_keeps_what_it_does_not_change() {
    let to = |text: &str| Some(text.to_owned());
    let host = config::Redirect {
        host: to("new.example"),
        ..redirect()
    };
    assert_eq!(
        redirected(host, "a:80", "/p?q=1"),
        "http://new.example/p?q=1"
    );
    let path = config::Redirect {
        path: to("/n"),
        ..redirect()
    };
    assert_eq!(
        redirected(path.clone(), "a:80", "/p?q=1"),
        "http://a:80/n?q=1"
    );
    let stripped = config::Redirect {
        strip_query: true,
        ..path
    };
    assert_eq!(redirected(stripped, "a", "/p?q=1"), "http://a/n");
}

#[test]
fn a_query_in_the_new_path_is_kept() {
    let path = Some("/n?x=1".to_owned());
    let new = config::Redirect {
        path,
        strip_query: true,
        ..redirect()
    };
    assert_eq!(redirected(new, "a", "/p?q=1"), "http://a/n?x=1");
}

#[test]
fn a_port_goes_with_a_new_port_or_with_the_old_scheme() {
    let port = config::Redirect {
        port: Some(99),
        ..redirect()
    };
    assert_eq!(
        redirected(port.clone(), "[::1]:80", "/p"),
        "http://[::1]:99/p"
    );
    assert_eq!(redirected(port, "a", "/p"), "http://a:99/p");
    let scheme = config::Redirect {
        scheme: Some("https".to_owned()),
        ..redirect()
    };
    assert_eq!(redirected(scheme.clone(), "a:80", "/p"), "https://a/p");
    assert_eq!(redirected(scheme, "a:8080", "/p"), "https://a:8080/p");
}

#[test]
fn a_redirect_rewrites_the_prefix() {
    let prefix_rewrite = Some("/new".to_owned());
    let rewritten = config::Redirect {
        prefix_rewrite,
        ..redirect()
    };
    assert_eq!(redirected(rewritten, "a", "/p/x?y"), "http://a/new/x?y");
}

fn addition(name: &str, value: &str) -> HeaderMutation {
    let action = HeaderAppendAction::AppendIfExistsOrAdd;
    HeaderMutation {
        remove: Vec::new(),
        add: vec![(name.to_owned(), value.to_owned(), action)],
    }
}

#[test]
fn header_changes_go_from_route_to_host_to_all() {
    let own = config::Route {
        response_headers: addition("x-s", "route"),
        ..route("r", prefix("/"))
    };
    let mut all = host("h", &["*"], vec![own]);
    all.response_headers = addition("x-s", "host");
    let mut routes = configuration(vec![all]);
    routes.response_headers = addition("x-s", "all");
    let table = Rc::new(RouteTable::new(&routes).unwrap());
    let state = state(&table, request("h", "/", &[]));
    let response = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
    state.response_headers.replace(Some(response));
    state.selected_route().unwrap().finalize_response(&state);
    let headers = state.response_headers.borrow();
    let joined = headers.as_ref().unwrap().get_joined("x-s").unwrap();
    assert_eq!(joined, b"route,host,all");
}

#[test]
fn values_see_the_request_before_it_is_rewritten() {
    let path = Some(config::PathRewrite::Prefix("/new".to_owned()));
    let literal = Some(config::HostRewrite::Literal("h.example".to_owned()));
    let own = config::Route {
        action: rewriting(path, literal),
        request_headers: addition("x-was", "%REQ(:authority)%%REQ(:path)%"),
        ..route("r", prefix("/old"))
    };
    let headers = finalized(own, request("a", "/old/x?q", &[]), false);
    assert_eq!(headers.get("x-was"), Some(b"a/old/x?q".as_slice()));
    assert_eq!(headers.path(), b"/new/x?q");
    assert_eq!(headers.authority(), b"h.example");
    assert_eq!(
        headers.get("x-envoy-original-path"),
        Some(b"/old/x?q".as_slice())
    );
    assert_eq!(headers.get("x-envoy-original-host"), Some(b"a".as_slice()));
}

fn finalized(route: config::Route, headers: HeaderTable, suppress: bool) -> HeaderTable {
    let state = state(&only(route), headers);
    let route: Rc<SelectedRoute> = state.selected_route().unwrap();
    assert!(matches!(route.action(), RouteAction::Forward(_)));
    route.finalize_request(&state, suppress);
    RefCell::clone(&state.request_headers).into_inner()
}

#[test]
fn envoys_own_headers_may_be_left_out() {
    let path = Some(config::PathRewrite::Prefix("/new".to_owned()));
    let own = config::Route {
        action: rewriting(path, None),
        ..route("r", prefix("/old"))
    };
    let headers = finalized(own, request("a", "/old", &[]), true);
    assert_eq!(headers.path(), b"/new");
    assert!(!headers.contains("x-envoy-original-path"));
}

#[test]
fn a_header_may_name_the_new_authority() {
    let rewrite = || rewriting(None, Some(config::HostRewrite::Header("x-host".to_owned())));
    let own = || config::Route {
        action: rewrite(),
        ..route("r", prefix("/"))
    };
    let headers = finalized(own(), request("a", "/", &[("x-host", "b")]), false);
    assert_eq!(headers.authority(), b"b");
    let headers = finalized(own(), request("a", "/", &[]), false);
    assert_eq!(headers.authority(), b"a");
}

#[test]
fn an_unknown_operator_is_refused_with_its_place() {
    let own = config::Route {
        request_headers: addition("x-a", "%NOPE%"),
        ..route("r", prefix("/"))
    };
    let error = RouteTable::new(&configuration(vec![host("h", &["*"], vec![own])])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "route `r` of virtual host `h`: header `x-a`: unknown operator `%NOPE%`"
    );
}
