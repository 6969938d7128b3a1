//! Headers, trailers and bodies, by the traits' methods and by hostcalls.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, Bytes, MapType, Status};

use crate::{printable, say};

const OWN: &str = "x-own";

/// Calls all methods of one map: changes what is ours, and says what is there then.
macro_rules! exercise {
    (
        $context:ident, $what:literal:
        $all:ident $all_bytes:ident $set_all:ident $set_all_bytes:ident
        $get:ident $get_bytes:ident $set:ident $set_bytes:ident
        $add:ident $add_bytes:ident $remove:ident
    ) => {
        let texts = $context.$all();
        let mut entries: Vec<(&str, &str)> = pairs(&texts);
        entries.push(("x-own-all", "1"));
        $context.$set_all(entries);
        let values = $context.$all_bytes();
        let mut entries: Vec<(&str, &[u8])> = byte_pairs(&values);
        entries.push(("x-own-all-bytes", b"2"));
        $context.$set_all_bytes(entries);
        $context.$add("x-own-add", "3");
        $context.$add_bytes("x-own-add", b"4");
        $context.$set("x-own-set", Some("5"));
        $context.$set_bytes("x-own-set-bytes", Some(b"\xff"));
        $context.$set("x-own-all", None);
        $context.$remove("x-own-all-bytes");
        let added = $context.$get("x-own-add");
        let bytes = $context.$get_bytes("x-own-set-bytes");
        say(&format!("{}: {added:?} {bytes:?}", $what));
        say(&format!("{}: {}", $what, own(&$context.$all_bytes())));
    };
}

/// What was added here, by name; only the order of one name's values is promised.
fn own(entries: &[(String, Bytes)]) -> String {
    let mut own: Vec<_> = entries
        .iter()
        .filter(|(name, _)| name.starts_with(OWN))
        .collect();
    own.sort_by(|(one, _), (other, _)| one.cmp(other));
    let texts: Vec<_> = own
        .iter()
        .map(|(name, value)| format!("{name}={}", printable(value)))
        .collect();
    texts.join(" ")
}

fn pairs(entries: &[(String, String)]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn byte_pairs(entries: &[(String, Bytes)]) -> Vec<(&str, &[u8])> {
    entries
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect()
}

/// By the methods of `HttpContext`.
pub(super) struct ByTrait;

impl Context for ByTrait {
    fn on_done(&mut self) -> bool {
        say("done");
        true
    }
}

impl HttpContext for ByTrait {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        exercise!(self, "request headers":
            get_http_request_headers get_http_request_headers_bytes
            set_http_request_headers set_http_request_headers_bytes
            get_http_request_header get_http_request_header_bytes
            set_http_request_header set_http_request_header_bytes
            add_http_request_header add_http_request_header_bytes remove_http_request_header);
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if size > 0 {
            let body = self.get_http_request_body(0, size).unwrap_or_default();
            say(&format!(
                "request body {}, ends {end_of_stream}",
                printable(&body)
            ));
            self.set_http_request_body(0, size, b"asked");
        }
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        exercise!(self, "request trailers":
            get_http_request_trailers get_http_request_trailers_bytes
            set_http_request_trailers set_http_request_trailers_bytes
            get_http_request_trailer get_http_request_trailer_bytes
            set_http_request_trailer set_http_request_trailer_bytes
            add_http_request_trailer add_http_request_trailer_bytes remove_http_request_trailer);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        exercise!(self, "response headers":
            get_http_response_headers get_http_response_headers_bytes
            set_http_response_headers set_http_response_headers_bytes
            get_http_response_header get_http_response_header_bytes
            set_http_response_header set_http_response_header_bytes
            add_http_response_header add_http_response_header_bytes remove_http_response_header);
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if size > 0 {
            let body = self.get_http_response_body(0, size).unwrap_or_default();
            say(&format!(
                "response body {}, ends {end_of_stream}",
                printable(&body)
            ));
            self.set_http_response_body(0, size, b"told");
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        exercise!(self, "response trailers":
            get_http_response_trailers get_http_response_trailers_bytes
            set_http_response_trailers set_http_response_trailers_bytes
            get_http_response_trailer get_http_response_trailer_bytes
            set_http_response_trailer set_http_response_trailer_bytes
            add_http_response_trailer add_http_response_trailer_bytes remove_http_response_trailer);
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// By the functions below the methods, which name the map.
pub(super) struct ByHostcalls;

fn change(map: MapType) -> Result<String, Status> {
    let texts = hostcalls::get_map(map)?;
    let mut entries = pairs(&texts);
    entries.push(("x-own-all", "1"));
    hostcalls::set_map(map, entries)?;
    let values = hostcalls::get_map_bytes(map)?;
    let mut entries = byte_pairs(&values);
    entries.push(("x-own-all-bytes", b"2"));
    hostcalls::set_map_bytes(map, entries)?;
    hostcalls::add_map_value(map, "x-own-add", "3")?;
    hostcalls::add_map_value_bytes(map, "x-own-add", b"4")?;
    hostcalls::set_map_value(map, "x-own-set", Some("5"))?;
    hostcalls::set_map_value_bytes(map, "x-own-set-bytes", Some(b"\xff"))?;
    hostcalls::remove_map_value(map, "x-own-all")?;
    hostcalls::set_map_value_bytes(map, "x-own-all-bytes", None)?;
    let text = hostcalls::get_map_value(map, "x-own-set")?;
    let bytes = hostcalls::get_map_value_bytes(map, "x-own-set-bytes")?;
    let none = hostcalls::get_map_value(map, "x-none")?;
    let all = own(&hostcalls::get_map_bytes(map)?);
    Ok(format!("{text:?} {bytes:?} {none:?} {all}"))
}

impl Context for ByHostcalls {}

impl HttpContext for ByHostcalls {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // The body will have another length.
        let map = MapType::HttpRequestHeaders;
        say(&format!(
            "removed: {:?}",
            hostcalls::remove_map_value(map, "content-length")
        ));
        say(&format!(
            "request: {:?}",
            change(MapType::HttpRequestHeaders)
        ));
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, _: bool) -> Action {
        if size > 0 {
            let body = hostcalls::get_buffer(BufferType::HttpRequestBody, 0, size);
            say(&format!("request body: {body:?}"));
            let set = hostcalls::set_buffer(BufferType::HttpRequestBody, 0, size, b"asked");
            say(&format!("set: {set:?}"));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!(
            "response: {:?}",
            change(MapType::HttpResponseHeaders)
        ));
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}
