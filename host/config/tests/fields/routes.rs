//! Virtual hosts, matches and actions.

use std::time::Duration;

use tollgate_config::{
    ClusterSpecifier, HeaderAppendAction, HeaderMatcher, HostRewrite, PathMatch, PathRewrite,
    PerFilter, Route, RouteAction, RouteActionKind, StringMatcher,
};

use crate::{manager, read, virtual_host};

fn route(index: usize) -> Route {
    virtual_host(&read("routes.yaml")).routes[index].clone()
}

fn action(route: Route) -> RouteAction {
    let RouteActionKind::Route(action) = route.action else {
        panic!("not a route action")
    };
    action
}

#[test]
fn a_route_configuration_has_name_headers_and_hosts() {
    let bootstrap = read("routes.yaml");
    let config = &manager(&bootstrap).route_config;
    assert_eq!(config.name, "routes");
    assert_eq!(
        config.request_headers.add,
        [(
            "x-everywhere".to_owned(),
            "yes".to_owned(),
            HeaderAppendAction::AppendIfExistsOrAdd
        )]
    );
    assert_eq!(config.response_headers.remove, ["x-powered-by"]);
    assert_eq!(config.virtual_hosts.len(), 2);
}

#[test]
fn a_virtual_host_has_domains_in_lower_case_headers_and_overrides() {
    let bootstrap = read("routes.yaml");
    let host = virtual_host(&bootstrap);
    assert_eq!(host.name, "api");
    assert_eq!(host.domains, ["api.example.com", "*.example.com", "api.*"]);
    assert!(host.require_tls);
    assert_eq!(host.request_headers.remove, ["x-secret"]);
    let actions: Vec<_> = host
        .request_headers
        .add
        .iter()
        .map(|(name, _, action)| (name.as_str(), *action))
        .collect();
    assert_eq!(
        actions,
        [
            ("x-a", HeaderAppendAction::AddIfAbsent),
            ("x-b", HeaderAppendAction::OverwriteIfExistsOrAdd),
            ("x-c", HeaderAppendAction::OverwriteIfExists),
            ("x-d", HeaderAppendAction::OverwriteIfExistsOrAdd),
            ("x-e", HeaderAppendAction::AppendIfExistsOrAdd),
        ]
    );
    assert_eq!(
        host.per_filter,
        [PerFilter {
            name: "plugin".to_owned(),
            disabled: true
        }]
    );
}

#[test]
fn a_route_has_name_headers_and_overrides() {
    let route = route(0);
    assert_eq!(route.name, "prefix");
    assert_eq!(route.request_headers.add[0].0, "x-route");
    assert_eq!(route.response_headers.add[0].1, "by %UPSTREAM_HOST%");
    assert_eq!(route.response_headers.remove, ["server"]);
    assert_eq!(
        route.per_filter,
        [PerFilter {
            name: "plugin".to_owned(),
            disabled: false
        }]
    );
}

#[test]
fn paths_match_in_four_ways() {
    assert!(matches!(route(0).matches.path, PathMatch::Prefix(text) if text == "/api/"));
    assert!(matches!(route(1).matches.path, PathMatch::Path(text) if text == "/exact"));
    let PathMatch::SafeRegex(regex) = route(2).matches.path else {
        panic!("not a regex")
    };
    assert!(regex.is_match(b"/users/12") && !regex.is_match(b"/users/12/x"));
    assert!(!regex.is_match("/users/٣".as_bytes()));
    let split = route(3).matches;
    assert!(matches!(split.path, PathMatch::PathSeparatedPrefix(text) if text == "/split"));
    assert!(split.grpc && !route(0).matches.grpc);
    assert!(!route(0).matches.case_sensitive && route(1).matches.case_sensitive);
}

#[test]
fn headers_match_in_all_ways_old_and_new() {
    let headers = route(0).matches.headers;
    let names: Vec<_> = headers.iter().map(|header| header.name.as_str()).collect();
    assert_eq!(names[..4], ["x-present", "x-absent", "x-exact", "x-prefix"]);
    let shape = |header: &HeaderMatcher| match &header.value {
        None => format!("present={}", header.present),
        Some(StringMatcher::Exact { text, ignore_case }) => format!("exact {text} {ignore_case}"),
        Some(StringMatcher::Prefix { text, .. }) => format!("prefix {text}"),
        Some(StringMatcher::Suffix { text, .. }) => format!("suffix {text}"),
        Some(StringMatcher::Contains { text, .. }) => format!("contains {text}"),
        Some(StringMatcher::SafeRegex(regex)) => format!("regex {regex}"),
    };
    assert_eq!(
        headers.iter().map(shape).collect::<Vec<_>>(),
        [
            "present=true",
            "present=false",
            "exact value true",
            "prefix a",
            "suffix z",
            "contains m",
            "regex ^(?:a+)$",
            "exact e false",
            "prefix p",
            "suffix s",
            "contains c",
            "regex ^(?:b+)$",
        ]
    );
    assert!(headers[3].invert && !headers[2].invert);
    assert!(headers[4].treat_missing_as_empty && !headers[3].treat_missing_as_empty);
}

#[test]
fn query_parameters_match_by_value_or_presence() {
    let parameters = route(0).matches.query_parameters;
    assert_eq!(parameters[0].name, "q");
    assert!(matches!(&parameters[0].value, Some(StringMatcher::Exact { text, .. }) if text == "1"));
    assert!(parameters[1].value.is_none());
}

#[test]
fn a_route_action_has_cluster_timeouts_rewrites_and_upgrades() {
    let first = action(route(0));
    assert!(matches!(first.cluster, ClusterSpecifier::Cluster(name) if name == "origin"));
    assert_eq!((first.timeout, first.idle_timeout), (None, Some(None)));
    assert!(matches!(first.path_rewrite, Some(PathRewrite::Prefix(text)) if text == "/v1/"));
    assert_eq!(
        first.host_rewrite,
        Some(HostRewrite::Literal("origin.internal".to_owned()))
    );
    assert_eq!(first.upgrade_types, [("websocket".to_owned(), false)]);

    let second = action(route(1));
    assert!(matches!(second.cluster, ClusterSpecifier::ClusterHeader(name) if name == "x-cluster"));
    assert_eq!(second.timeout, Some(Duration::from_secs(3)));
    assert_eq!(second.idle_timeout, Some(Some(Duration::from_secs(2))));
    assert_eq!(second.host_rewrite, Some(HostRewrite::Auto));

    let third = action(route(2));
    assert_eq!(
        (third.timeout, third.idle_timeout),
        (Some(Duration::from_secs(15)), None)
    );
    let Some(PathRewrite::Regex {
        pattern,
        substitution,
    }) = third.path_rewrite
    else {
        panic!("not a regex")
    };
    assert_eq!(
        (pattern.as_str(), substitution.as_str()),
        ("^/users/(.*)$", "/\\1")
    );
    assert_eq!(
        third.host_rewrite,
        Some(HostRewrite::Header("x-host".to_owned()))
    );
}

#[test]
fn weighted_clusters_have_shares_and_headers_of_their_own() {
    let ClusterSpecifier::WeightedClusters(clusters) = action(route(3)).cluster else {
        panic!("not weighted")
    };
    let shares: Vec<_> = clusters
        .iter()
        .map(|one| (one.name.as_str(), one.weight))
        .collect();
    assert_eq!(shares, [("origin", 3), ("second", 1)]);
    assert_eq!(clusters[1].request_headers.add[0].0, "x-weighted");
}

#[test]
fn redirects_change_each_part_of_the_address() {
    let RouteActionKind::Redirect(redirect) = route(4).action else {
        panic!("not a redirect")
    };
    assert_eq!(redirect.scheme.as_deref(), Some("https"));
    assert_eq!(redirect.host.as_deref(), Some("new.example.com"));
    assert_eq!(redirect.port, Some(8443));
    assert_eq!(redirect.prefix_rewrite.as_deref(), Some("/new"));
    assert_eq!((redirect.status, redirect.strip_query), (308, true));
    let RouteActionKind::Redirect(redirect) = route(5).action else {
        panic!("not a redirect")
    };
    assert_eq!(redirect.scheme.as_deref(), Some("http"));
    assert_eq!(redirect.path.as_deref(), Some("/here?x=1"));
    assert_eq!(
        (redirect.status, redirect.strip_query, redirect.port),
        (301, false, None)
    );
}

#[test]
fn direct_responses_have_status_and_body() {
    let RouteActionKind::DirectResponse(response) = route(6).action else {
        panic!("not a direct response")
    };
    assert_eq!(response.status, 418);
    assert_eq!(response.body, "short and stout");
}
