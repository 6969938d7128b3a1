//! HTTP calls that a filter makes.

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Status};

use crate::{Behaviour, printable, say};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Finds what `/callout/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "ask" => Box::new(Ask::to("origin", TIMEOUT)),
        "timeout" => Box::new(Ask::to("origin", Duration::from_millis(150))),
        "refused" => Box::new(Ask::to("refused", TIMEOUT)),
        "unknown-cluster" => Box::new(Ask::to("no-such-cluster", TIMEOUT)),
        "deny" => Box::new(Deny),
        "two" => Box::new(Two::default()),
        "incomplete" => Box::new(Incomplete),
        "http2" => Box::new(Ask::to("origin-http2", TIMEOUT)),
        "response" => Box::new(InResponse),
        "answer-first" => Box::new(AnswerFirst),
        "forget" => Box::new(Forget),
        _ => return None,
    })
}

/// Asks the side service at `path`; the answer's text becomes part of the request.
fn ask(
    context: &dyn HttpContext,
    cluster: &str,
    path: &str,
    timeout: Duration,
) -> Result<u32, Status> {
    context.dispatch_http_call(
        cluster,
        vec![
            (":method", "POST"),
            (":path", path),
            (":authority", "side.test"),
            ("x-asked-by", "guest"),
        ],
        Some(b"may they pass?"),
        vec![],
        timeout,
    )
}

/// Pauses the request until the answer is there.
struct Ask {
    cluster: &'static str,
    timeout: Duration,
}

impl Ask {
    fn to(cluster: &'static str, timeout: Duration) -> Self {
        Self { cluster, timeout }
    }
}

impl Context for Ask {
    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, trailers: usize) {
        let status = self
            .get_http_call_response_header(":status")
            .unwrap_or_default();
        let text = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        let counts_agree = headers == self.get_http_call_response_headers().len();
        say(&format!(
            "status {status}, counts agree {counts_agree}, body {}",
            printable(&text)
        ));
        if trailers > 0 {
            say(&format!(
                "trailers {:?}",
                self.get_http_call_response_trailers()
            ));
        }
        self.set_http_request_header("x-side-status", Some(&status));
        self.set_http_request_header("x-side-body", Some(&printable(&text)));
        self.resume_http_request();
    }
}

impl HttpContext for Ask {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match ask(self, self.cluster, "/side", self.timeout) {
            Ok(_) => Action::Pause,
            Err(status) => {
                say(&format!("not sent: {status:?}"));
                self.set_http_request_header("x-not-sent", Some(&format!("{status:?}")));
                Action::Continue
            }
        }
    }
}

/// Answers the paused request itself when the side service says no.
struct Deny;

impl Context for Deny {
    fn on_http_call_response(&mut self, _: u32, _: usize, body: usize, _: usize) {
        let reason = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        self.send_http_response(403, vec![("x-denied-by", "side")], Some(&reason));
    }
}

impl HttpContext for Deny {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match ask(self, "origin", "/side", TIMEOUT) {
            Ok(_) => Action::Pause,
            Err(_) => Action::Continue,
        }
    }
}

/// Waits for two answers, told apart by their tokens.
#[derive(Default)]
struct Two {
    slow: Option<u32>,
    quick: Option<u32>,
}

impl Context for Two {
    fn on_http_call_response(&mut self, token: u32, _: usize, body: usize, _: usize) {
        let text = printable(
            &self
                .get_http_call_response_body(0, body)
                .unwrap_or_default(),
        );
        if self.slow == Some(token) {
            self.slow = None;
            say(&format!("slow answered: {text}"));
        } else if self.quick == Some(token) {
            self.quick = None;
            say(&format!("quick answered: {text}"));
        }
        if self.slow.is_none() && self.quick.is_none() {
            self.resume_http_request();
        }
    }
}

impl HttpContext for Two {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.slow = ask(self, "origin", "/slow", TIMEOUT).ok();
        self.quick = ask(self, "origin", "/quick", TIMEOUT).ok();
        Action::Pause
    }
}

/// Leaves out what every request needs.
struct Incomplete;

impl Context for Incomplete {}

impl HttpContext for Incomplete {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let complete = [
            (":method", "GET"),
            (":path", "/side"),
            (":authority", "side.test"),
        ];
        for missing in 0..complete.len() {
            let headers: Vec<_> = complete
                .into_iter()
                .enumerate()
                .filter_map(|(index, header)| (index != missing).then_some(header))
                .collect();
            let outcome = self.dispatch_http_call("origin", headers, None, vec![], TIMEOUT);
            say(&format!(
                "without {:?}: {:?}",
                complete.get(missing).map(|pair| pair.0),
                outcome
            ));
        }
        say("tried");
        Action::Continue
    }
}

/// Asks while the response waits.
struct InResponse;

impl Context for InResponse {
    fn on_http_call_response(&mut self, _: u32, _: usize, body: usize, _: usize) {
        let text = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        self.set_http_response_header("x-side-body", Some(&printable(&text)));
        self.resume_http_response();
    }
}

impl HttpContext for InResponse {
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        match ask(self, "origin", "/side", TIMEOUT) {
            Ok(_) => Action::Pause,
            Err(_) => Action::Continue,
        }
    }
}

/// Tells the side service and does not wait.
struct Forget;

impl Context for Forget {}

impl HttpContext for Forget {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!(
            "sent: {}",
            ask(self, "origin", "/side", TIMEOUT).is_ok()
        ));
        Action::Continue
    }
}

/// Answers at once, and lets its own answer wait for a callout.
struct AnswerFirst;

impl Context for AnswerFirst {
    fn on_http_call_response(&mut self, _: u32, _: usize, body: usize, _: usize) {
        let text = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        self.set_http_response_header("x-side-body", Some(&printable(&text)));
        self.resume_http_response();
    }
}

impl HttpContext for AnswerFirst {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.send_http_response(403, vec![], Some(b"denied"));
        Action::Pause
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        match ask(self, "origin", "/side", TIMEOUT) {
            Ok(_) => Action::Pause,
            Err(_) => Action::Continue,
        }
    }
}
