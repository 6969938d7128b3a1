//! Reads and changes of header maps.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::{Behaviour, printable, say};

/// Finds what `/headers/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "request" => Box::new(ChangeRequest),
        "response" => Box::new(ChangeResponse),
        "list" => Box::new(List),
        "look-up" => Box::new(LookUp),
        "duplicates" => Box::new(Duplicates),
        "set-request" => Box::new(SetRequest {
            keeps_protocol: true,
        }),
        "set-request-alone" => Box::new(SetRequest {
            keeps_protocol: false,
        }),
        "set-response" => Box::new(SetResponse),
        "bytes" => Box::new(RawBytes),
        "joined" => Box::new(Joined),
        "reroute" => Box::new(Reroute),
        "target" => Box::new(ChangeTarget),
        "log" => Box::new(ReadInLog),
        _ => return None,
    })
}

struct ChangeRequest;

impl Context for ChangeRequest {}

impl HttpContext for ChangeRequest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_request_header("x-added", "by the guest");
        self.set_http_request_header("x-replaced", Some("new"));
        self.set_http_request_header("x-created", Some("by replace"));
        self.remove_http_request_header("x-removed");
        self.remove_http_request_header("x-never-there");
        Action::Continue
    }
}

struct ChangeResponse;

impl Context for ChangeResponse {}

impl HttpContext for ChangeResponse {
    fn on_http_response_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        say(&format!(
            "{count} response headers, end of stream {end_of_stream}"
        ));
        self.add_http_response_header("x-added", "by the guest");
        self.set_http_response_header("x-replaced", Some("new"));
        self.remove_http_response_header("x-removed");
        self.set_http_response_header(":status", Some("202"));
        Action::Continue
    }
}

/// Logs every header of the request, in the host's order.
struct List;

impl Context for List {}

impl HttpContext for List {
    fn on_http_request_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        let headers = self.get_http_request_headers_bytes();
        let counts_agree = count == headers.len();
        say(&format!(
            "counts agree {counts_agree}, end of stream {end_of_stream}"
        ));
        for (name, value) in headers {
            // Its value is random.
            let value = if name == "x-request-id" {
                b"random".to_vec()
            } else {
                value
            };
            say(&format!("{name} = {}", printable(&value)));
        }
        say("listed");
        Action::Continue
    }
}

/// Looks single headers up.
struct LookUp;

impl Context for LookUp {}

impl HttpContext for LookUp {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        for name in [
            ":path",
            ":method",
            ":authority",
            ":scheme",
            "host",
            "X-Mixed",
            "x-empty",
            "x-none",
        ] {
            let value = self.get_http_request_header_bytes(name);
            say(&format!(
                "{name}: {:?}",
                value.map(|value| printable(&value))
            ));
        }
        say("looked up");
        Action::Continue
    }
}

struct Duplicates;

impl Context for Duplicates {}

impl HttpContext for Duplicates {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!(
            "first: {:?}",
            self.get_http_request_header("x-twice")
        ));
        let all = self.get_http_request_headers();
        let values: Vec<_> = all.iter().filter(|(name, _)| name == "x-twice").collect();
        say(&format!("all: {values:?}"));
        self.set_http_request_header("x-twice", Some("only"));
        self.add_http_request_header("x-thrice", "3");
        self.remove_http_request_header("x-gone-twice");
        Action::Continue
    }
}

/// Replaces the whole request map, with or without what the proxy itself had put there.
struct SetRequest {
    keeps_protocol: bool,
}

impl Context for SetRequest {}

impl HttpContext for SetRequest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let mut headers = vec![
            (":method", "GET"),
            (":path", "/replaced"),
            (":authority", "replaced.test"),
            (":scheme", "http"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("x-two", "again"),
        ];
        if self.keeps_protocol {
            headers.push(("x-forwarded-proto", "http"));
        }
        self.set_http_request_headers(headers);
        Action::Continue
    }
}

/// Replaces the whole response map.
struct SetResponse;

impl Context for SetResponse {}

impl HttpContext for SetResponse {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.set_http_response_headers(vec![
            (":status", "201"),
            ("content-length", "0"),
            ("x-only", "this"),
        ]);
        Action::Continue
    }
}

/// Header values need not be text.
struct RawBytes;

impl Context for RawBytes {}

impl HttpContext for RawBytes {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let sent = self
            .get_http_request_header_bytes("x-bytes")
            .unwrap_or_default();
        say(&format!("sent: {}", printable(&sent)));
        self.add_http_request_header_bytes("x-more-bytes", b"\xc3\xa9\xff\x80");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.set_http_response_header_bytes("x-answered-bytes", Some(b"a\xe9z"));
        Action::Continue
    }
}

/// Adds to headers that hold one value in Envoy.
struct Joined;

impl Context for Joined {}

impl HttpContext for Joined {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_request_header("content-type", "text/plain");
        self.add_http_request_header("accept", "b/b");
        self.add_http_request_header("x-own", "b");
        Action::Continue
    }
}

/// Changes what the route was chosen by.
struct Reroute;

impl Context for Reroute {}

impl HttpContext for Reroute {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let to = self
            .get_http_request_header("x-reroute-to")
            .unwrap_or_default();
        self.set_http_request_header(":path", Some(&to));
        let route = self.get_property(vec!["xds", "route_name"]);
        say(&format!(
            "route now: {}",
            printable(&route.unwrap_or_default())
        ));
        Action::Continue
    }
}

struct ChangeTarget;

impl Context for ChangeTarget {}

impl HttpContext for ChangeTarget {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.set_http_request_header(":method", Some("PUT"));
        self.set_http_request_header(":authority", Some("elsewhere.test"));
        self.set_http_request_header(":path", Some("/elsewhere?q=1"));
        Action::Continue
    }
}

/// Reads both maps once more when the stream is over.
struct ReadInLog;

impl Context for ReadInLog {}

impl HttpContext for ReadInLog {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.set_http_request_header("x-changed", Some("by the guest"));
        Action::Continue
    }

    fn on_log(&mut self) {
        say(&format!(
            "x-changed: {:?}",
            self.get_http_request_header("x-changed")
        ));
        say(&format!(
            ":status: {:?}",
            self.get_http_response_header(":status")
        ));
        say(&format!(
            "x-none: {:?}",
            self.get_http_response_header("x-none")
        ));
        say("logged");
    }
}
