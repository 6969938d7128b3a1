use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode};

use crate::filter::{HeaderFault, HeaderTable, PseudoHeader};

fn request(fields: &[(&'static str, &'static str)]) -> HeaderTable {
    HeaderTable::from_request(
        &Method::GET,
        Some("http"),
        Some(HeaderValue::from_static("host.test")),
        Some(PathAndQuery::from_static("/a?b=c")),
        map(fields),
    )
}

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let fields = fields.iter();
    fields
        .map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)))
        .collect()
}

fn listed(table: &HeaderTable) -> Vec<String> {
    let mut lines = Vec::new();
    table.entries(&mut |name, value| {
        let (name, value) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value),
        );
        lines.push(format!("{name}: {value}"));
    });
    lines
}

#[test]
fn pseudo_headers_come_first() {
    let table = request(&[("x-a", "1")]);
    let lines = [
        ":authority: host.test",
        ":path: /a?b=c",
        ":method: GET",
        ":scheme: http",
        "x-a: 1",
    ];
    assert_eq!(listed(&table), lines);
    assert_eq!(table.len(), 5);
    assert_eq!(table.byte_size(), 19 + 11 + 10 + 11 + 4);
}

#[test]
fn host_means_authority_in_requests() {
    let mut table = request(&[]);
    assert_eq!(table.get("host"), Some(b"host.test".as_slice()));
    table.replace(b"host", b"other.test");
    assert_eq!(table.authority(), b"other.test");
    table.remove(b"host");
    assert_eq!(table.get(":authority"), None);
}

#[test]
fn a_host_field_becomes_the_authority() {
    let table = http1(&[("host", "field.test")]);
    assert_eq!(table.authority(), b"field.test");
    assert!(!listed(&table).iter().any(|line| line.starts_with("host")));
}

#[test]
fn host_is_an_ordinary_header_in_responses() {
    let mut table = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
    table.add(b"host", b"a");
    assert_eq!(listed(&table), [":status: 200", "host: a"]);
}

#[test]
fn single_value_headers_join_with_commas() {
    let mut table = request(&[("accept", "a")]);
    table.add(b"accept", b"b");
    table.add(b"accept", b"");
    assert_eq!(table.get("accept"), Some(b"a,b".as_slice()));
    table.add(b":path", b"/b");
    assert_eq!(table.path(), b"/a?b=c,/b");
}

#[test]
fn repeated_single_value_headers_are_joined_on_arrival() {
    let fields = [
        ("accept", "a"),
        ("accept", "b"),
        ("cookie", "c"),
        ("cookie", "d"),
    ];
    let table = request(&fields);
    assert_eq!(table.get("accept"), Some(b"a,b".as_slice()));
    assert_eq!(table.fields().get_all("cookie").iter().count(), 2);
}

#[test]
fn other_headers_keep_their_values_apart() {
    let mut table = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
    table.add(b"set-cookie", b"a=1");
    table.add(b"set-cookie", b"b=2");
    assert_eq!(
        listed(&table),
        [":status: 200", "set-cookie: a=1", "set-cookie: b=2"]
    );
    assert_eq!(table.get("set-cookie"), Some(b"a=1".as_slice()));
    assert_eq!(table.get_joined("set-cookie"), Some(b"a=1,b=2".to_vec()));
    table.replace(b"set-cookie", b"c=3");
    assert_eq!(listed(&table), [":status: 200", "set-cookie: c=3"]);
}

#[test]
fn removing_an_absent_header_changes_nothing() {
    let mut table = request(&[("x-a", "1")]);
    table.remove(b"x-b");
    table.remove(b"not a name");
    assert_eq!(table.len(), 5);
}

#[test]
fn set_forgets_everything_else() {
    let mut table = request(&[("x-a", "1")]);
    table.set(&[(b":path", b"/new"), (b"x-b", b"2")]);
    assert_eq!(listed(&table), [":path: /new", "x-b: 2"]);
}

#[test]
fn an_illegal_name_is_kept_for_reading_and_named_when_sent() {
    let mut table = request(&[]);
    table.add(b"bad name", b"v");
    assert_eq!(table.get("bad name"), Some(b"v".as_slice()));
    let fault = HeaderFault::IllegalName("bad name".to_owned());
    assert_eq!(to_http1(&table).unwrap_err(), fault);
    table.remove(b"bad name");
    assert!(to_http1(&table).is_ok());
}

#[test]
fn an_illegal_value_is_named_when_sent() {
    let mut table = request(&[("x-a", "fine")]);
    table.replace(b"x-a", b"line\nbreak");
    assert_eq!(table.get("x-a"), Some(b"line\nbreak".as_slice()));
    let fault = HeaderFault::IllegalValue("x-a".to_owned());
    assert_eq!(table.fault(), Some(fault));
    table.replace(b"x-a", b"fine");
    assert_eq!(table.fault(), None);
}

#[test]
fn a_path_that_is_no_uri_is_named_when_sent() {
    let mut table = request(&[]);
    table.replace(b":path", b"/a b");
    let fault = HeaderFault::IllegalValue(":path".to_owned());
    assert_eq!(to_http1(&table).unwrap_err(), fault);
    assert_eq!(to_http2(&table).unwrap_err(), fault);
}

#[test]
fn a_removed_path_is_missed_when_sent() {
    let mut table = request(&[]);
    table.remove(b":path");
    let fault = to_http1(&table).unwrap_err();
    assert_eq!(fault, HeaderFault::Missing(PseudoHeader::Path));
    assert_eq!(fault.to_string(), "missing required header: :path");
}

#[test]
fn an_impossible_status_is_named_when_sent() {
    let mut table = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
    table.replace(b":status", b"9999");
    assert_eq!(table.get(":status"), Some(b"9999".as_slice()));
    let fault = HeaderFault::IllegalValue(":status".to_owned());
    assert_eq!(table.checked_status(), Err(fault));
    table.replace(b":status", b"404");
    assert_eq!(table.checked_status(), Ok(StatusCode::NOT_FOUND));
}

#[test]
fn http1_has_a_host_field_and_http2_an_absolute_target() {
    let table = request(&[("x-a", "1")]);
    let http1 = to_http1(&table).unwrap();
    assert_eq!(http1.uri(), "/a?b=c");
    assert_eq!(http1.headers()["host"], "host.test");
    let http2 = to_http2(&table).unwrap();
    assert_eq!(http2.uri(), "http://host.test/a?b=c");
    assert!(!http2.headers().contains_key("host"));
    assert_eq!(http2.headers()["x-a"], "1");
}

#[test]
fn trailers_have_no_pseudo_headers() {
    let mut table = HeaderTable::response_trailers(HeaderMap::new());
    table.add(b"grpc-status", b"0");
    table.add(b":path", b"/");
    assert_eq!(table.len(), 2);
    assert_eq!(
        table.fault(),
        Some(HeaderFault::IllegalName(":path".to_owned()))
    );
}

fn to_http1(table: &HeaderTable) -> Result<Request<()>, HeaderFault> {
    let mut request = Request::new(());
    table.write_http1_request(&mut request).map(|()| request)
}

fn to_http2(table: &HeaderTable) -> Result<Request<()>, HeaderFault> {
    let mut request = Request::new(());
    table.write_http2_request(&mut request).map(|()| request)
}

/// A request as it comes over HTTP/1.
fn http1(fields: &[(&'static str, &'static str)]) -> HeaderTable {
    let path = Some(PathAndQuery::from_static("/"));
    HeaderTable::from_request(&Method::GET, Some("http"), None, path, map(fields))
}

/// The request's fields as HTTP/1 sends them.
fn sent(table: &mut HeaderTable) -> Vec<String> {
    let copied = to_http1(table).unwrap();
    let mut moved = Request::new(());
    table.move_to_http1_request(&mut moved).unwrap();
    assert_eq!(copied.headers(), moved.headers());
    let fields = moved.headers().iter();
    fields
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect()
}

#[test]
fn host_keeps_its_place() {
    let fields = [("x-a", "1"), ("host", "a.test"), ("x-b", "2")];
    let mut table = http1(&fields);
    assert_eq!(table.get(":authority"), Some(b"a.test".as_slice()));
    assert_eq!((table.len(), listed(&table).len()), (6, 6));
    assert_eq!(sent(&mut table), ["x-a: 1", "host: a.test", "x-b: 2"]);
    let mut table = http1(&fields);
    table.replace(b"host", b"b.test");
    table.add(b"x-c", b"3");
    assert_eq!((table.len(), listed(&table).len()), (7, 7));
    assert_eq!(
        sent(&mut table),
        ["x-a: 1", "host: b.test", "x-b: 2", "x-c: 3"]
    );
    let http2 = to_http2(&http1(&fields)).unwrap();
    assert!(!http2.headers().contains_key("host"));
}

#[test]
fn an_authority_that_was_removed_leaves_no_host() {
    let mut table = http1(&[("host", "a.test"), ("x-a", "1")]);
    table.remove(b":authority");
    assert_eq!(table.get("host"), None);
    assert_eq!((table.len(), listed(&table).len()), (4, 4));
    assert_eq!(sent(&mut table), ["x-a: 1"]);
}

#[test]
fn an_authority_beside_the_fields_is_sent_first() {
    let mut table = request(&[]);
    table.set(&[
        (b":method", b"GET"),
        (b":path", b"/"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b":authority", b"new.test"),
    ]);
    assert_eq!(sent(&mut table), ["host: new.test", "x-a: 1", "x-a: 2"]);
}

#[test]
fn a_request_that_was_moved_keeps_its_pseudo_headers() {
    let mut table = request(&[("x-a", "1")]);
    table.move_to_http1_request(&mut Request::new(())).unwrap();
    assert_eq!(table.method(), Some(&Method::GET));
    assert_eq!(table.len(), 4);
}

#[test]
fn a_name_is_found_among_few_and_among_many() {
    for count in [1, 16, 17, 40] {
        let mut table = http1(&[("host", "a.test")]);
        for index in 0..count {
            table.add(format!("x-{index}").as_bytes(), b"first");
        }
        let last = format!("x-{}", count - 1);
        table.add(last.as_bytes(), b"second");
        assert_eq!(table.get(&last), Some(b"first".as_slice()), "{count}");
        let upper = last.to_ascii_uppercase();
        assert_eq!(table.get_bytes(upper.as_bytes()), Some(b"first".as_slice()));
        assert_eq!(table.get("x-"), None);
        table.remove(last.as_bytes());
        assert_eq!(table.get(&last), None);
        assert_eq!(table.len(), 4 + count - 1);
    }
}
