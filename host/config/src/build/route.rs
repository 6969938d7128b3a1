//! Routes: what they match and what becomes of a request.

use std::collections::HashSet;

use bytes::Bytes;

use super::{data_source, headers, matcher, route_action, route_configuration};
use crate::view::View;
use crate::{
    DirectResponse, PathMatch, ProtoMessage, Redirect, Route, RouteActionKind, RouteMatch,
};

/// Envoy's default for the size of a direct response's body.
pub(super) const DIRECT_RESPONSE_BODY: u32 = 4096;

/// What routes have to keep to.
#[derive(Debug)]
pub(super) struct Limits<'a> {
    pub(super) filter_names: &'a HashSet<&'a str>,
    pub(super) direct_response_body: u32,
}

pub(super) fn build(view: &View<'_>, limits: &Limits<'_>) -> Option<Route> {
    let matches = view.child("match").and_then(|view| route_match(&view));
    let action = action(view, limits);
    Some(Route {
        name: view.text("name").to_owned(),
        request_headers: headers::mutation(view, "request"),
        response_headers: headers::mutation(view, "response"),
        per_filter: route_configuration::per_filter(view, limits.filter_names),
        matches: matches?,
        action: action?,
        metadata: ProtoMessage::in_field(view, "metadata"),
    })
}

fn route_match(view: &View<'_>) -> Option<RouteMatch> {
    let headers = view.children("headers");
    let parameters = view.children("query_parameters");
    let headers: Option<Vec<_>> = headers.iter().map(matcher::header).collect();
    let query_parameters: Option<Vec<_>> =
        parameters.iter().map(matcher::query_parameter).collect();
    Some(RouteMatch {
        path: path_match(view)?,
        case_sensitive: view.bool_value("case_sensitive").unwrap_or(true),
        headers: headers?,
        query_parameters: query_parameters?,
        grpc: view.has("grpc"),
    })
}

fn path_match(view: &View<'_>) -> Option<PathMatch> {
    let text = |field| view.text(field).to_owned();
    match view.oneof("path_specifier")?.as_str() {
        field @ "prefix" => Some(PathMatch::Prefix(text(field))),
        field @ "path" => Some(PathMatch::Path(text(field))),
        field @ "path_separated_prefix" => Some(PathMatch::PathSeparatedPrefix(text(field))),
        "safe_regex" => matcher::full_regex(&view.child("safe_regex")?).map(PathMatch::SafeRegex),
        _ => None,
    }
}

fn action(view: &View<'_>, limits: &Limits<'_>) -> Option<RouteActionKind> {
    match view.oneof("action")?.as_str() {
        "route" => route_action::build(&view.child("route")?, limits).map(RouteActionKind::Route),
        "redirect" => redirect(&view.child("redirect")?).map(RouteActionKind::Redirect),
        "direct_response" => direct_response(&view.child("direct_response")?, limits)
            .map(RouteActionKind::DirectResponse),
        _ => None,
    }
}

fn redirect(view: &View<'_>) -> Option<Redirect> {
    let filled = |field| {
        Some(view.text(field))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let scheme = match view.bool("https_redirect") {
        true => Some("https".to_owned()),
        false => filled("scheme_redirect"),
    };
    let port = match (
        view.u32("port_redirect"),
        u16::try_from(view.u32("port_redirect")),
    ) {
        (0, _) => None,
        (_, Ok(port)) => Some(port),
        (port, Err(_)) => {
            view.error("port_redirect", format!("{port} is not a port"));
            return None;
        }
    };
    Some(Redirect {
        scheme,
        host: filled("host_redirect"),
        port,
        path: filled("path_redirect"),
        prefix_rewrite: filled("prefix_rewrite"),
        status: match view.enumerator("response_code").as_str() {
            "FOUND" => 302,
            "SEE_OTHER" => 303,
            "TEMPORARY_REDIRECT" => 307,
            "PERMANENT_REDIRECT" => 308,
            _ => 301,
        },
        strip_query: view.bool("strip_query"),
    })
}

fn direct_response(view: &View<'_>, limits: &Limits<'_>) -> Option<DirectResponse> {
    let body = match view.child("body") {
        Some(body) => data_source::read(&body)?,
        None => Bytes::new(),
    };
    let limit = limits.direct_response_body;
    if body.len() > super::http_connection_manager::to_usize(limit) {
        let reason = format!(
            "response body size is {} bytes; maximum is {limit}",
            body.len()
        );
        view.error("body", reason);
        return None;
    }
    // The schema allows 200 to 599.
    Some(DirectResponse {
        status: u16::try_from(view.u32("status")).ok()?,
        body,
    })
}
