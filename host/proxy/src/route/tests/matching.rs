//! Which route a request gets.

use regex::bytes::Regex;
use tollgate_config as config;
use tollgate_config::{HeaderMutation, PathMatch, PerFilter};

use super::{
    configuration, forward, host, matches, only, prefix, request, route, selects, table, takes,
};
use crate::route::RouteTable;

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
fn a_table_knows_which_headers_decide() {
    let mut by_header = prefix("/");
    by_header.headers = vec![config::HeaderMatcher {
        name: "X-Tenant".to_owned(),
        value: None,
        present: true,
        invert: false,
        treat_missing_as_empty: false,
    }];
    let mut by_kind = prefix("/");
    by_kind.grpc = true;
    let by_cluster = config::Route {
        action: forward(config::ClusterSpecifier::ClusterHeader(
            "x-cluster".to_owned(),
        )),
        ..route("r", prefix("/"))
    };
    let plain = only(route("r", prefix("/")));
    let names = ["x-tenant", "content-type", "x-cluster"];
    for (name, decides) in [
        ("x-tenant", only(route("r", by_header))),
        ("content-type", only(route("r", by_kind))),
        ("x-cluster", only(by_cluster)),
    ] {
        assert!(!plain.reads(name.as_bytes()), "{name}");
        let found = names.iter().filter(|name| decides.reads(name.as_bytes()));
        assert_eq!(found.collect::<Vec<_>>(), [&name]);
    }
    for name in [
        ":path",
        ":method",
        ":authority",
        "host",
        "x-forwarded-proto",
    ] {
        assert!(plain.reads(name.as_bytes()), "{name}");
    }
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
