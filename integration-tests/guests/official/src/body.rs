//! Reads and changes of message bodies.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::{Behaviour, printable, say};

/// Finds what `/body/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "watch" => Box::new(Watch),
        "replace-request" => Box::new(ReplaceRequest),
        "replace-response" => Box::new(ReplaceResponse),
        "append" => Box::new(Append),
        "prepend" => Box::new(Prepend),
        "first-byte" => Box::new(FirstByte),
        "empty" => Box::new(Empty),
        "buffer" => Box::new(Buffer),
        "ranges" => Box::new(Ranges),
        "upper-case" => Box::new(UpperCase),
        _ => return None,
    })
}

/// Logs what arrives, without caring how it was cut into pieces.
struct Watch;

impl Context for Watch {}

impl HttpContext for Watch {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        say(&format!("request headers, end of stream {end_of_stream}"));
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            say(&format!(
                "request body ends, its last piece known {}",
                size < usize::MAX
            ));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        say(&format!("response headers, end of stream {end_of_stream}"));
        Action::Continue
    }

    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            say("response body ends");
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Waits for the whole request body and sends another, longer one.
struct ReplaceRequest;

impl Context for ReplaceRequest {}

impl HttpContext for ReplaceRequest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_request_header("content-length");
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        say(&format!("whole body: {}", printable(&body)));
        let replaced = format!("[{}] as the guest sends it", printable(&body));
        self.set_http_request_body(0, size, replaced.as_bytes());
        Action::Continue
    }
}

/// Waits for the whole response body and sends another, shorter one.
struct ReplaceResponse;

impl Context for ReplaceResponse {}

impl HttpContext for ReplaceResponse {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_response_header("content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        say(&format!("whole body: {size} bytes"));
        self.set_http_response_body(0, usize::MAX, b"short");
        Action::Continue
    }
}

/// Adds text behind the last piece of both bodies.
struct Append;

impl Context for Append {}

impl HttpContext for Append {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_request_header("content-length");
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.set_http_request_body(size, 0, b" + request");
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_response_header("content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.set_http_response_body(size, 0, b" + response");
        }
        Action::Continue
    }
}

/// Puts text before a body that is waited for.
struct Prepend;

impl Context for Prepend {}

impl HttpContext for Prepend {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_response_header("content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.set_http_response_body(0, 0, b"before: ");
        Action::Continue
    }
}

/// Replaces one byte of a body that is waited for, length unchanged.
struct FirstByte;

impl Context for FirstByte {}

impl HttpContext for FirstByte {
    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.set_http_response_body(0, 1, b"H");
        Action::Continue
    }
}

/// Takes a body away.
struct Empty;

impl Context for Empty {}

impl HttpContext for Empty {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.remove_http_response_header("content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        self.set_http_response_body(0, size, b"");
        Action::Continue
    }
}

/// Holds both bodies until they are whole and changes nothing.
struct Buffer;

impl Context for Buffer {}

impl HttpContext for Buffer {
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        say(&format!("whole request: {size} bytes"));
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        say(&format!("whole response: {size} bytes"));
        Action::Continue
    }
}

/// Reads parts of a body, some of which lie outside.
struct Ranges;

impl Context for Ranges {}

impl HttpContext for Ranges {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!(
            "too early: {:?}",
            self.get_http_request_body(0, 10)
        ));
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        for (start, max) in [
            (0, 3),
            (2, 3),
            (0, usize::MAX),
            (4, usize::MAX),
            (size, 1),
            (99, 1),
            (0, 0),
        ] {
            let bytes = self.get_http_request_body(start, max);
            say(&format!(
                "from {start}: {:?}",
                bytes.map(|bytes| printable(&bytes))
            ));
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Changes each piece as it passes; the length stays.
struct UpperCase;

impl Context for UpperCase {}

impl HttpContext for UpperCase {
    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        if let Some(mut bytes) = self.get_http_response_body(0, size) {
            bytes.make_ascii_uppercase();
            self.set_http_response_body(0, size, &bytes);
        }
        Action::Continue
    }
}
