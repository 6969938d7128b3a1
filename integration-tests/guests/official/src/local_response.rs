//! Answers that the filter gives itself.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, GrpcStatusCode};

use crate::{Behaviour, say};

/// Finds what `/local-response/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "request-headers" => Box::new(InRequestHeaders {
            action: Action::Pause,
        }),
        "but-continue" => Box::new(InRequestHeaders {
            action: Action::Continue,
        }),
        "bad-request" => Box::new(BadRequest),
        "empty" => Box::new(Empty),
        "content-type" => Box::new(OwnContentType),
        "request-body" => Box::new(InRequestBody { at_end: true }),
        "first-data" => Box::new(InRequestBody { at_end: false }),
        "response-headers" => Box::new(InResponseHeaders),
        "response-body" => Box::new(InResponseBody),
        "twice" => Box::new(Twice),
        "grpc" => Box::new(Grpc),
        "unauthorized" => Box::new(Unauthorized),
        _ => return None,
    })
}

/// Answers at once, and decorates its own answer on the way out.
struct InRequestHeaders {
    action: Action,
}

impl Context for InRequestHeaders {}

impl HttpContext for InRequestHeaders {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(
            403,
            vec![("X-Reason", "because"), ("x-twice", "a"), ("x-twice", "b")],
            Some(b"forbidden by the guest\n"),
        );
        say("the callback goes on");
        self.action
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        say("no request body callback may follow");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let status = self.get_http_response_header(":status");
        say(&format!(
            "own answer: {status:?}, end of stream {end_of_stream}"
        ));
        self.add_http_response_header("x-decorated", "yes");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        say(&format!(
            "own body: {size} bytes, end of stream {end_of_stream}"
        ));
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Answers what Envoy answers when it does not understand a client.
struct BadRequest;

impl Context for BadRequest {}

impl HttpContext for BadRequest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(400, vec![], Some(b"what?\n"));
        Action::Pause
    }
}

struct Empty;

impl Context for Empty {}

impl HttpContext for Empty {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(204, vec![("x-empty", "yes")], None);
        Action::Pause
    }
}

struct OwnContentType;

impl Context for OwnContentType {}

impl HttpContext for OwnContentType {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let headers = vec![
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
        ];
        self.send_http_response(418, headers, Some(b"{\"short\":true}"));
        Action::Pause
    }
}

/// Answers when the request's body arrives, which the upstream has not seen yet: its first part or
/// its end.
struct InRequestBody {
    at_end: bool,
}

impl Context for InRequestBody {}

impl HttpContext for InRequestBody {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        Action::Continue
    }

    fn on_http_request_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream || !self.at_end {
            self.send_http_response(422, vec![], Some(b"body refused\n"));
        }
        Action::Pause
    }
}

/// Puts another answer in the place of the upstream's.
struct InResponseHeaders;

impl Context for InResponseHeaders {}

impl HttpContext for InResponseHeaders {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let status = self.get_http_response_header(":status");
        say(&format!("response headers: {status:?}"));
        self.send_http_response(502, vec![("x-instead", "yes")], Some(b"not what it said\n"));
        Action::Pause
    }

    fn on_http_response_body(&mut self, _: usize, _: bool) -> Action {
        say("no response body callback may follow");
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Answers too late: the headers are gone.
struct InResponseBody;

impl Context for InResponseBody {}

impl HttpContext for InResponseBody {
    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.send_http_response(500, vec![], Some(b"too late"));
        }
        Action::Continue
    }
}

struct Twice;

impl Context for Twice {}

impl HttpContext for Twice {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(401, vec![("x-answer", "first")], Some(b"first\n"));
        self.send_http_response(402, vec![("x-answer", "second")], Some(b"second\n"));
        Action::Pause
    }
}

struct Grpc;

impl Context for Grpc {}

impl HttpContext for Grpc {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_grpc_response(
            GrpcStatusCode::ResourceExhausted,
            Some("slow down, 100%"),
            vec![("x-detail", b"quota")],
        );
        Action::Pause
    }
}

/// An answer for HTTP that gRPC clients must see as a gRPC status.
struct Unauthorized;

impl Context for Unauthorized {}

impl HttpContext for Unauthorized {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(
            401,
            vec![("www-authenticate", "Bearer")],
            Some(b"who are you?"),
        );
        Action::Pause
    }
}
