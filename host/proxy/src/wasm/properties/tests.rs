use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use tollgate_config::ProtoMessage;
use tollgate_runtime::PropertyValue;
use tollgate_runtime::abi::Status;

use super::{ProxyFacts, root_property, stream_property};
use crate::filter::tests::stream_state;
use crate::filter::{HeaderTable, ObjectKind, StateObject, StateScope, StreamState};

fn lookup(state: &StreamState, path: &str) -> Result<PropertyValue, Status> {
    let path: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
    stream_property(
        state,
        &ProxyFacts::new(&ProtoMessage::default(), None),
        &path,
    )
}

fn text(value: &str) -> Result<PropertyValue, Status> {
    Ok(PropertyValue::text(value))
}

#[test]
fn request_attributes_come_from_the_headers() {
    let state = stream_state();
    state
        .request_headers
        .borrow_mut()
        .add(b"user-agent", b"test");
    assert_eq!(lookup(&state, "request/path"), text("/path?q=1"));
    assert_eq!(lookup(&state, "request/url_path"), text("/path"));
    assert_eq!(lookup(&state, "request/query"), text("q=1"));
    assert_eq!(lookup(&state, "request/host"), text("host.test"));
    assert_eq!(lookup(&state, "request/scheme"), text("http"));
    assert_eq!(lookup(&state, "request/method"), text("GET"));
    assert_eq!(lookup(&state, "request/useragent"), text("test"));
    assert_eq!(lookup(&state, "request/referer"), Err(Status::NotFound));
    assert_eq!(lookup(&state, "request/protocol"), text("HTTP/1.1"));
}

#[test]
fn header_names_in_a_path_ignore_case_and_join_values() {
    let state = stream_state();
    state.request_headers.borrow_mut().add(b"cookie", b"a");
    state.request_headers.borrow_mut().add(b"cookie", b"b");
    assert_eq!(lookup(&state, "request/headers/COOKIE"), text("a,b"));
    assert_eq!(lookup(&state, "request/headers/:path"), text("/path?q=1"));
    assert_eq!(
        lookup(&state, "request/headers/none"),
        Err(Status::NotFound)
    );
}

#[test]
fn headers_that_do_not_exist_are_an_empty_map() {
    let state = stream_state();
    assert_eq!(
        lookup(&state, "response/headers"),
        Ok(PropertyValue::Map(Vec::new()))
    );
    assert_eq!(
        lookup(&state, "response/headers/date"),
        Err(Status::NotFound)
    );
    assert_eq!(
        lookup(&state, "response/headers_bytes"),
        Ok(PropertyValue::Int(0))
    );
}

#[test]
fn a_size_is_announced_or_counted() {
    let state = stream_state();
    state.info.bytes_received.set(12);
    assert_eq!(lookup(&state, "request/size"), Ok(PropertyValue::Int(12)));
    state
        .request_headers
        .borrow_mut()
        .replace(b"content-length", b"99");
    assert_eq!(lookup(&state, "request/size"), Ok(PropertyValue::Int(99)));
    state
        .request_headers
        .borrow_mut()
        .replace(b"content-length", b"many");
    assert_eq!(lookup(&state, "request/size"), Err(Status::NotFound));
}

#[test]
fn a_namespace_itself_cannot_be_serialized() {
    let state = stream_state();
    let namespaces = [
        "request",
        "response",
        "connection",
        "source",
        "destination",
        "upstream",
    ];
    for namespace in namespaces.into_iter().chain(["xds", "filter_state"]) {
        assert_eq!(
            lookup(&state, namespace),
            Err(Status::SerializationFailure),
            "{namespace}"
        );
    }
    assert_eq!(
        lookup(&state, "metadata"),
        Ok(PropertyValue::Message(Vec::new()))
    );
}

#[test]
fn the_duration_is_known_at_the_end() {
    let state = stream_state();
    assert_eq!(lookup(&state, "request/duration"), Err(Status::NotFound));
    state
        .info
        .times
        .end
        .set(Some(state.info.start + std::time::Duration::from_millis(5)));
    assert_eq!(
        lookup(&state, "request/duration"),
        Ok(PropertyValue::Duration(5_000_000))
    );
}

#[test]
fn the_response_code_is_known_once_it_is_sent() {
    let state = stream_state();
    assert_eq!(lookup(&state, "response/code"), Err(Status::NotFound));
    state.info.response_code.set(Some(200));
    assert_eq!(lookup(&state, "response/code"), Ok(PropertyValue::Int(200)));
}

#[test]
fn the_grpc_status_prefers_trailers() {
    let state = stream_state();
    let mut fields = HeaderMap::new();
    fields.insert("grpc-status", HeaderValue::from_static("13"));
    let headers = HeaderTable::from_response(StatusCode::OK, fields);
    *state.response_headers.borrow_mut() = Some(headers);
    assert_eq!(
        lookup(&state, "response/grpc_status"),
        Ok(PropertyValue::Int(13))
    );
    let mut fields = HeaderMap::new();
    fields.insert("grpc-status", HeaderValue::from_static("5"));
    *state.response_trailers.borrow_mut() = Some(Box::new(HeaderTable::response_trailers(fields)));
    assert_eq!(
        lookup(&state, "response/grpc_status"),
        Ok(PropertyValue::Int(5))
    );
}

#[test]
fn addresses_have_a_text_and_a_port() {
    let state = stream_state();
    assert_eq!(lookup(&state, "source/address"), text("127.0.0.1:80"));
    assert_eq!(
        lookup(&state, "destination/port"),
        Ok(PropertyValue::Int(80))
    );
    assert_eq!(lookup(&state, "upstream/address"), Err(Status::NotFound));
    assert_eq!(
        lookup(&state, "upstream/request_attempt_count"),
        Ok(PropertyValue::Uint(0))
    );
}

#[test]
fn a_plain_connection_has_no_tls_version_but_an_empty_server_name() {
    let state = stream_state();
    assert_eq!(lookup(&state, "connection/requested_server_name"), text(""));
    assert_eq!(
        lookup(&state, "connection/mtls"),
        Ok(PropertyValue::Bool(false))
    );
    assert_eq!(
        lookup(&state, "connection/tls_version"),
        Err(Status::NotFound)
    );
    assert_eq!(lookup(&state, "connection_id"), Ok(PropertyValue::Uint(7)));
}

#[test]
fn what_a_plugin_sets_is_found_under_its_name_and_in_the_filter_state() {
    let state = stream_state();
    let value = StateObject {
        value: "x".into(),
        ..StateObject::default()
    };
    let set = state
        .filter_state
        .set(b"wasm.mine", value, StateScope::Stream);
    set.unwrap();
    assert_eq!(lookup(&state, "mine"), text("x"));
    assert_eq!(lookup(&state, "filter_state/wasm.mine"), text("x"));
    assert_eq!(lookup(&state, "mine/deeper"), Err(Status::NotFound));
    assert_eq!(lookup(&state, "other"), Err(Status::NotFound));
}

#[test]
fn old_top_level_names_are_gone_as_in_envoy() {
    let state = stream_state();
    for name in ["node", "cluster_name", "route_name", "listener_direction"] {
        assert_eq!(lookup(&state, name), Err(Status::NotFound), "{name}");
    }
}

#[test]
fn the_node_is_known_without_a_stream() {
    let bytes = b"\x0a\x07proxy-1\x12\x04edge";
    let node = ProtoMessage::decode("envoy.config.core.v3.Node", bytes).unwrap();
    let facts = ProxyFacts::new(&node, None);
    let find = |path: &[&[u8]]| root_property(&facts, path);
    assert_eq!(find(&[b"xds", b"node", b"id"]), text("proxy-1"));
    assert_eq!(
        find(&[b"xds", b"node"]),
        Ok(PropertyValue::Message(bytes.to_vec()))
    );
    assert_eq!(find(&[b"xds", b"node", b"no"]), Err(Status::NotFound));
    assert_eq!(find(&[b"request", b"path"]), Err(Status::NotFound));
    assert_eq!(find(&[b"xds"]), Err(Status::SerializationFailure));
}

#[test]
fn a_message_that_a_plugin_sets_has_fields() {
    let state = stream_state();
    let value = StateObject {
        value: b"\x0a\x03one".as_slice().into(),
        kind: ObjectKind::Message("x.test/envoy.config.core.v3.Node".into()),
        ..StateObject::default()
    };
    let set = state.filter_state.set(b"wasm.n", value, StateScope::Stream);
    set.unwrap();
    assert_eq!(lookup(&state, "n/id"), text("one"));
    assert_eq!(lookup(&state, "n"), text("\n\u{3}one"));
    assert_eq!(lookup(&state, "n/none"), Err(Status::NotFound));
}
