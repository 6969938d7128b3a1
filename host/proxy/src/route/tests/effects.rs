//! What a route does with messages.

use std::cell::RefCell;
use std::rc::Rc;

use http::{HeaderMap, StatusCode};
use tollgate_config as config;
use tollgate_config::{HeaderAppendAction, HeaderMutation};

use super::{configuration, host, only, prefix, request, rewriting, route, selects, state, table};
use crate::filter::HeaderTable;
use crate::route::{RouteAction, RouteTable, SelectedRoute};

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

#[test]
fn a_created_or_moved_answer_says_where() {
    let located = |status: u16| {
        let body = bytes::Bytes::new();
        let response = config::DirectResponse { status, body };
        let action = config::RouteActionKind::DirectResponse(response);
        let table = only(config::Route {
            action,
            ..route("r", prefix("/"))
        });
        let state = state(&table, request("a:80", "/x?y", &[]));
        let reply = state
            .selected_route()
            .unwrap()
            .direct_reply(&state, false)
            .unwrap();
        (!reply.headers.is_empty()).then(|| location(&reply.headers))
    };
    assert_eq!(located(201).as_deref(), Some("http://a:80/x?y"));
    assert_eq!(located(302).as_deref(), Some("http://a:80/x?y"));
    assert_eq!(located(200), None);
}
