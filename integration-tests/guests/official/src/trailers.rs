//! Reads and changes of trailers.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use crate::{Behaviour, say};

/// Finds what `/trailers/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "change" => Box::new(Change),
        "buffer" => Box::new(BufferUntilTrailers),
        "create" => Box::new(Create),
        _ => return None,
    })
}

struct Change;

impl Context for Change {}

impl HttpContext for Change {
    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        say(&format!(
            "{count} request trailers: {:?}",
            self.get_http_request_trailers()
        ));
        self.add_http_request_trailer("x-added", "by the guest");
        self.remove_http_request_trailer("x-removed");
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        say(&format!(
            "{count} response trailers: {:?}",
            self.get_http_response_trailers()
        ));
        self.set_http_response_trailer("x-replaced", Some("new"));
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Holds the body; the trailers end the message and release it.
struct BufferUntilTrailers;

impl Context for BufferUntilTrailers {}

impl HttpContext for BufferUntilTrailers {
    fn on_http_request_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            say("the body callback saw the end");
        }
        Action::Pause
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let body = self
            .get_http_request_body(0, usize::MAX)
            .unwrap_or_default();
        say(&format!("held {} bytes", body.len()));
        self.set_http_request_body(0, body.len(), b"from the trailers callback");
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Adds trailers to a response that has none, when its body ends.
struct Create;

impl Context for Create {}

impl HttpContext for Create {
    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            let added =
                hostcalls::add_map_value(MapType::HttpResponseTrailers, "x-created", "at the end");
            say(&format!("added: {added:?}"));
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        say("the trailers callback runs");
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}
