//! Operators over a stream that has ended.

use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::{DEFAULT_FORMAT, FormatError, Formatter};
use crate::filter::{HeaderTable, StateObject, StateScope, StreamState};
use crate::http::response_flags::ResponseFlags;
use crate::route::tests::{request, state, table};

fn stream() -> Rc<StreamState> {
    let fields = [
        ("user-agent", "curl"),
        ("x-request-id", "id-1"),
        ("cookie", "abcdef"),
    ];
    state(&table(Vec::new()), request("a.example", "/p?q=1", &fields))
}

fn written(format: &str, state: &StreamState) -> String {
    String::from_utf8(Formatter::parse(format).unwrap().to_bytes(state)).unwrap()
}

#[test]
fn the_default_line_is_envoys() {
    let state = stream();
    let info = &state.info;
    info.response_code.set(Some(503));
    info.response_flags
        .set(ResponseFlags::UPSTREAM_CONNECTION_FAILURE);
    info.bytes_sent.set(98);
    info.times
        .end
        .set(Some(info.start + Duration::from_millis(12)));
    info.upstream
        .address
        .set(Some("127.0.0.1:81".parse().unwrap()));
    assert_eq!(
        written(DEFAULT_FORMAT, &state),
        "[1970-01-01T00:00:00.000Z] \"GET /p?q=1 HTTP/1.1\" 503 UF 0 98 12 - \"-\" \"curl\" \
         \"id-1\" \"a.example\" \"127.0.0.1:81\"\n"
    );
}

#[test]
fn the_original_path_is_preferred() {
    let state = stream();
    state
        .request_headers
        .borrow_mut()
        .add(b"x-envoy-original-path", b"/was?x");
    let format = "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PATH(NQ)% %REQ(:PATH)%";
    assert_eq!(written(format, &state), "/was?x /was /p?q=1");
}

#[test]
fn a_value_is_cut_to_its_length() {
    assert_eq!(
        written("%REQ(cookie):3%|%REQ(cookie):99%", &stream()),
        "abc|abcdef"
    );
}

#[test]
fn what_does_not_exist_is_a_dash_or_nothing() {
    let state = stream();
    let format = "a%REQ(none)%b%DURATION%c%UPSTREAM_HOST%";
    assert_eq!(written(format, &state), "a-b-c-");
    let omitting = Formatter::parse_omitting_empty(format).unwrap();
    assert_eq!(omitting.to_bytes(&state), b"abc");
}

#[test]
fn response_headers_and_trailers_are_read_once_there() {
    let state = stream();
    let format = "%RESP(x-a)% %TRAILER(x-b)% %RESPONSE_CODE%";
    assert_eq!(written(format, &state), "- - 0");
    let table = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
    let headers = table(http::HeaderName::from_static("x-a"), "1");
    state
        .response_headers
        .replace(Some(HeaderTable::from_response(StatusCode::OK, headers)));
    let trailers = table(http::HeaderName::from_static("x-b"), "2");
    state
        .response_trailers
        .replace(Some(Box::new(HeaderTable::response_trailers(trailers))));
    state.info.response_code.set(Some(200));
    assert_eq!(written(format, &state), "1 2 200");
}

#[test]
fn addresses_come_whole_and_in_parts() {
    let format = "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% \
                  %DOWNSTREAM_REMOTE_PORT% %DOWNSTREAM_LOCAL_ADDRESS%";
    assert_eq!(
        written(format, &stream()),
        "127.0.0.1:1 127.0.0.1 1 127.0.0.1:1"
    );
}

#[test]
fn a_remote_address_upstream_needs_a_connection() {
    let state = stream();
    let upstream = &state.info.upstream;
    upstream.address.set(Some("127.0.0.1:81".parse().unwrap()));
    let format = "%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS%";
    assert_eq!(written(format, &state), "127.0.0.1:81 -");
    upstream.connection_id.set(Some(7));
    assert_eq!(written(format, &state), "127.0.0.1:81 127.0.0.1:81");
}

#[test]
fn whitespace_in_reasons_becomes_underscores() {
    let state = stream();
    state.info.set_details_if_none("a b");
    state
        .info
        .upstream
        .transport_failure_reason
        .replace(Some("c d".to_owned()));
    let format = "%RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)% \
                  %UPSTREAM_TRANSPORT_FAILURE_REASON%";
    assert_eq!(written(format, &state), "a_b a b c_d");
}

#[test]
fn durations_are_in_milliseconds() {
    let state = stream();
    let (start, times) = (state.info.start, &state.info.times);
    let after = |milliseconds| Some(start + Duration::from_millis(milliseconds));
    times.last_downstream_rx.set(after(1));
    times.first_upstream_rx.set(after(5));
    times.last_downstream_tx.set(after(9));
    times.end.set(after(10));
    let format = "%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%";
    assert_eq!(written(format, &state), "10 1 5 4");
}

#[test]
fn a_grpc_status_is_named_for_grpc_requests_only() {
    let state = stream();
    let trailers = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("7"),
    )]);
    state
        .response_trailers
        .replace(Some(Box::new(HeaderTable::response_trailers(trailers))));
    assert_eq!(written("%GRPC_STATUS%", &state), "-");
    state
        .request_headers
        .borrow_mut()
        .add(b"content-type", b"application/grpc");
    let format = "%GRPC_STATUS% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%";
    assert_eq!(written(format, &state), "PermissionDenied 7 7");
}

#[test]
fn filter_state_is_plain_or_the_json_of_bytes() {
    let state = stream();
    let value = StateObject {
        value: "hi!?".into(),
        ..StateObject::default()
    };
    let set = state.filter_state.set(b"wasm.k", value, StateScope::Stream);
    set.unwrap();
    let format = "%FILTER_STATE(wasm.k:PLAIN)% %FILTER_STATE(wasm.k)% %FILTER_STATE(other)%";
    assert_eq!(written(format, &state), "hi!? \"aGkhPw==\" -");
}

#[test]
fn percent_signs_stand_for_themselves() {
    assert_eq!(written("100%% %PROTOCOL%%%", &stream()), "100% HTTP/1.1%");
}

#[test]
fn the_host_has_a_name() {
    assert_ne!(written("%HOSTNAME%", &stream()), "");
}

#[test]
fn formats_that_are_none_are_refused() {
    let error = |format: &str| Formatter::parse(format).unwrap_err();
    assert_eq!(
        error("%VIRTUAL_HOST%"),
        FormatError::Unknown("VIRTUAL_HOST".to_owned())
    );
    for format in [
        "%PROTOCOL(x)%",
        "%PROTOCOL:3%",
        "%REQ%",
        "%REQ()%",
        "%REQ(a?b?c)%",
        "%START_TIME(%Q)%",
        "%FILTER_STATE(a:b)%",
        "%RESPONSE_CODE_DETAILS(X)%",
        "%DYNAMIC_METADATA%",
        "%PATH(X)%",
    ] {
        assert!(
            matches!(error(format), FormatError::Misused { .. }),
            "{format}"
        );
    }
}

#[test]
fn sizes_of_headers_are_those_of_names_and_values() {
    let state = stream();
    let format = "%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES% %UPSTREAM_CONNECTION_ID%";
    let request = state.request_headers.borrow().byte_size();
    assert_eq!(written(format, &state), format!("{request} 0 0"));
    let response = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
    state.response_headers.replace(Some(response));
    assert_eq!(written("%RESPONSE_HEADERS_BYTES%", &state), "10");
}
