//! A request's head: from hyper's parts to a stream, checked and normalised as Envoy does it.

use std::rc::Rc;
use std::time::{Instant, SystemTime};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Uri, Version};
use hyper::body::Incoming;

use super::active_stream::ActiveStream;
use super::connection_manager::DownstreamConnection;
use super::head_check::{self, Framing};
use super::head_facts::HeadFacts;
use super::local_response::StreamError;
use super::manager::Manager;
use super::normalize::X_FORWARDED_PROTO;
use super::upgrade;
use crate::filter::{HeaderTable, RouteCache, StreamInfo, StreamState};

/// Makes a stream of a request, and says what is wrong with the request if something is.
pub(super) fn start(
    manager: &Rc<Manager>,
    connection: &Rc<DownstreamConnection>,
    request: Request<Incoming>,
) -> (Rc<ActiveStream>, Option<StreamError>) {
    let (mut head, body) = request.into_parts();
    let facts = HeadFacts::of(&head.headers);
    let framing = connection.framing_error(facts.framed);
    let upgrade = upgrade::Slot::of(&head.headers, facts);
    let info = &connection.info;
    let transport_scheme = if info.tls.is_some() { "https" } else { "http" };
    let worker = &manager.worker;
    let client = manager.normalizer.request(
        &mut head.headers,
        facts,
        info.remote_address,
        transport_scheme,
        || worker.random.bytes(),
    );
    upgrade.restore_headers(&mut head.headers);
    if facts.several_hosts {
        join_hosts(&mut head.headers);
    }
    if facts.expect {
        remove_expect_continue(&mut head.headers);
    }
    let scheme = if facts.forwarded_proto {
        scheme(&head.headers, transport_scheme)
    } else {
        transport_scheme
    };
    let error = framing.or_else(|| head_error(manager, &head.method, &head.uri, &head));
    let table = HeaderTable::from_request(
        &head.method,
        (head.method != Method::CONNECT).then_some(scheme),
        authority(&head.uri),
        head.uri.path_and_query().cloned(),
        head.headers,
    );
    let error = error.or_else(|| {
        table
            .authority()
            .is_empty()
            .then_some(StreamError::MissingHost)
    });
    let stream_info = StreamInfo::new(SystemTime::now(), Instant::now(), head.version, client);
    let routes = RouteCache::new(Rc::clone(&manager.routes), worker.random.number());
    let state = StreamState::new(table, stream_info, Rc::clone(info), routes);
    let stream = ActiveStream::new(manager, connection, state, body, upgrade);
    let error = error.or_else(|| stream.upgrade_error());
    if error
        .as_ref()
        .is_some_and(|error| *error != StreamError::AbsolutePathRejected)
    {
        stream.closes_connection.set(true);
    }
    (stream, error)
}

fn head_error(
    manager: &Manager,
    method: &Method,
    uri: &Uri,
    head: &http::request::Parts,
) -> Option<StreamError> {
    if head.version == Version::HTTP_10 && !manager.config.accept_http_10 {
        return Some(StreamError::LowVersion);
    }
    if head.version != Version::HTTP_2 && !head_check::is_known_method(method) {
        return Some(StreamError::BadRequest("http1.codec_error"));
    }
    if method == Method::CONNECT || uri.path().starts_with('/') {
        return None;
    }
    if uri.path() == "*" {
        return Some(StreamError::AbsolutePathRejected);
    }
    Some(StreamError::BadRequest("http1.codec_error"))
}

/// Returns the scheme that clients used, as far as trusted proxies tell it.
fn scheme(fields: &HeaderMap, transport: &'static str) -> &'static str {
    match fields.get(X_FORWARDED_PROTO).map(HeaderValue::as_bytes) {
        Some(b"https") => "https",
        Some(b"http") => "http",
        Some(_) | None => transport,
    }
}

fn authority(uri: &Uri) -> Option<HeaderValue> {
    uri.authority()
        .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok())
}

/// Several `host` fields are read as one, so that nobody behind takes another one for the host.
fn join_hosts(fields: &mut HeaderMap) {
    let values: Vec<&[u8]> = fields
        .get_all(header::HOST)
        .iter()
        .map(|v| v.as_bytes())
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&values.join(b",".as_slice())) {
        fields.insert(header::HOST, joined);
    }
}

/// hyper answers the client's expectation as soon as the body is read, so nobody else has to.
fn remove_expect_continue(fields: &mut HeaderMap) {
    let expects = fields.get(header::EXPECT);
    if expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        fields.remove(header::EXPECT);
    }
}

/// Returns what is wrong with the framing of a head. Only one that has a body can be smuggled.
pub(super) fn framing_error(is_framed: bool, bytes: &[u8]) -> Option<StreamError> {
    if is_framed || Framing::has_fragment(bytes) {
        return Framing::of(bytes).error();
    }
    None
}
