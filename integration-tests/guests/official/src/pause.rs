//! Streams that wait, and how they go on or end.

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::{Behaviour, say};

/// Finds what `/pause/NAME` does to the stream of a context.
pub(crate) fn behaviour(name: &str, context_id: u32) -> Option<Behaviour> {
    Some(match name {
        "request" => Box::new(PauseRequest::default()),
        "headers-only" => Box::new(HoldHeaders),
        "body" => Box::new(PauseBody::default()),
        "both" => Box::new(PauseBoth {
            waits_for_response: false,
        }),
        "close-request" => Box::new(CloseRequest),
        "close-response" => Box::new(CloseResponse),
        "forever" => Box::new(Forever { context_id }),
        _ => return None,
    })
}

/// Starts a call whose answer resumes the stream.
fn start_waiting(context: &dyn HttpContext) -> Action {
    let headers = vec![
        (":method", "GET"),
        (":path", "/side"),
        (":authority", "side.test"),
    ];
    match context.dispatch_http_call("origin", headers, None, vec![], Duration::from_secs(5)) {
        Ok(_) => Action::Pause,
        Err(_) => Action::Continue,
    }
}

/// Pauses the request in its headers and tells what comes after the resume.
#[derive(Default)]
struct PauseRequest {
    resumed: bool,
}

impl Context for PauseRequest {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        self.resumed = true;
        self.add_http_request_header("x-resumed", "yes");
        self.resume_http_request();
        say("resumed");
    }
}

impl HttpContext for PauseRequest {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        say(&format!("paused, end of stream {end_of_stream}"));
        start_waiting(self)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let resumed = self.resumed;
        say(&format!(
            "body after resume {resumed}: {size} bytes, end of stream {end_of_stream}"
        ));
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Pauses in the headers until the body has ended, and then changes the headers. Needs
/// `allow_on_headers_stop_iteration`: without it no body callback comes while headers wait.
struct HoldHeaders;

impl Context for HoldHeaders {}

impl HttpContext for HoldHeaders {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            Action::Continue
        } else {
            Action::Pause
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.set_http_request_header("x-body-size", Some(&size.to_string()));
        Action::Continue
    }
}

/// Holds the body until its end, and then until a call is answered.
#[derive(Default)]
struct PauseBody {
    size: usize,
}

impl Context for PauseBody {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        say(&format!("resumes {} bytes", self.size));
        self.resume_http_request();
    }
}

impl HttpContext for PauseBody {
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.size = size;
        start_waiting(self)
    }
}

/// Pauses the request and then the response.
struct PauseBoth {
    waits_for_response: bool,
}

impl Context for PauseBoth {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        if self.waits_for_response {
            self.add_http_response_header("x-response-resumed", "yes");
            self.resume_http_response();
        } else {
            self.add_http_request_header("x-request-resumed", "yes");
            self.resume_http_request();
        }
    }
}

impl HttpContext for PauseBoth {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        start_waiting(self)
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.waits_for_response = true;
        start_waiting(self)
    }
}

/// Ends the stream without an answer.
struct CloseRequest;

impl Context for CloseRequest {}

impl HttpContext for CloseRequest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.reset_http_request();
        Action::Pause
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Ends the stream although the upstream has answered.
struct CloseResponse;

impl Context for CloseResponse {}

impl HttpContext for CloseResponse {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.reset_http_response();
        Action::Pause
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Never goes on: only the client or a timeout ends it.
struct Forever {
    context_id: u32,
}

impl Context for Forever {}

impl HttpContext for Forever {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!(
            "waits for ever, has an id {}",
            self.context_id > 0
        ));
        Action::Pause
    }

    fn on_log(&mut self) {
        say("logged");
    }
}
