//! gRPC calls and streams. What follows a call depends on its answer alone, so that both hosts can
//! be compared line by line.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::{printable, say};

const CLUSTER: &str = "origin-http2";
const SERVICE: &str = "surface.Service";
const TIMEOUT: Duration = Duration::from_secs(5);

/// Makes one call and waits for its end.
#[derive(Default)]
pub(super) struct Unary {
    token: Option<u32>,
}

impl Context for Unary {
    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        let expected = self.token == Some(token);
        let message = self
            .get_grpc_call_response_body(0, size)
            .map(|bytes| printable(&bytes));
        say(&format!(
            "answered: expected {expected}, status {status}, {message:?}"
        ));
        if status != 0 {
            say(&format!(
                "why: {:?} {:?}",
                self.get_grpc_status(),
                hostcalls::get_grpc_status()
            ));
        }
        self.resume_http_request();
    }
}

impl HttpContext for Unary {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let metadata: Vec<(&str, &[u8])> = vec![("x-asked-by", b"guest")];
        let by_method = |metadata, message| {
            self.dispatch_grpc_call(CLUSTER, SERVICE, "Call", metadata, message, TIMEOUT)
        };
        let unknown =
            hostcalls::dispatch_grpc_call("nowhere", SERVICE, "Call", vec![], None, TIMEOUT);
        say(&format!("unknown cluster: {unknown:?}"));
        match by_method(metadata, Some(b"question")) {
            Ok(token) => {
                self.token = Some(token);
                Action::Pause
            }
            Err(status) => {
                say(&format!("not sent: {status:?}"));
                Action::Continue
            }
        }
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Opens a stream, sends two messages, and tells what comes back.
#[derive(Default)]
pub(super) struct Streaming {
    token: Option<u32>,
}

impl Context for Streaming {
    fn on_grpc_stream_initial_metadata(&mut self, token: u32, _: u32) {
        let own = self.get_grpc_stream_initial_metadata();
        let has = own.iter().any(|(name, _)| name == "x-begin");
        let value = self.get_grpc_stream_initial_metadata_value("x-begin");
        say(&format!(
            "initial: {} {has} {value:?}",
            self.token == Some(token)
        ));
    }

    fn on_grpc_stream_message(&mut self, _: u32, size: usize) {
        let message = self.get_grpc_stream_message(0, size).unwrap_or_default();
        say(&format!("message: {}", printable(&message)));
    }

    fn on_grpc_stream_trailing_metadata(&mut self, _: u32, _: u32) {
        let own = self.get_grpc_stream_trailing_metadata();
        let has = own.iter().any(|(name, _)| name == "x-end");
        let value = self.get_grpc_stream_trailing_metadata_value("x-end");
        say(&format!("trailing: {has} {value:?}"));
    }

    fn on_grpc_stream_close(&mut self, _: u32, status: u32) {
        say(&format!("closed: {status}"));
        self.resume_http_request();
    }
}

impl HttpContext for Streaming {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let by_call = hostcalls::open_grpc_stream("nowhere", SERVICE, "Talk", vec![]);
        say(&format!("unknown cluster: {by_call:?}"));
        let metadata: Vec<(&str, &[u8])> = vec![("x-asked-by", b"guest")];
        match self.open_grpc_stream(CLUSTER, SERVICE, "Talk", metadata) {
            Ok(token) => {
                self.token = Some(token);
                self.send_grpc_stream_message(token, Some(b"one"), false);
                let sent = hostcalls::send_grpc_stream_message(token, Some(b"two"), false);
                self.close_grpc_stream(token);
                say(&format!("sent: {sent:?}"));
                Action::Pause
            }
            Err(status) => {
                say(&format!("not opened: {status:?}"));
                Action::Continue
            }
        }
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Begins calls and streams and takes all of them back.
pub(super) struct Cancelled;

impl Context for Cancelled {
    fn on_grpc_call_response(&mut self, _: u32, _: u32, _: usize) {
        say("a cancelled call was answered");
    }

    fn on_grpc_stream_close(&mut self, _: u32, _: u32) {
        say("a cancelled stream was closed");
    }
}

impl HttpContext for Cancelled {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let call = || self.dispatch_grpc_call(CLUSTER, SERVICE, "Call", vec![], None, TIMEOUT);
        let stream = || self.open_grpc_stream(CLUSTER, SERVICE, "Talk", vec![]);
        if let (Ok(first), Ok(second)) = (call(), call()) {
            self.cancel_grpc_call(first);
            let (once, again) = (
                hostcalls::cancel_grpc_call(second),
                hostcalls::cancel_grpc_call(second),
            );
            say(&format!("calls: {once:?} {again:?}"));
        }
        if let (Ok(first), Ok(second)) = (stream(), stream()) {
            self.cancel_grpc_stream(first);
            let once = hostcalls::cancel_grpc_stream(second);
            let again = hostcalls::cancel_grpc_stream(second);
            let closed = hostcalls::close_grpc_stream(second);
            say(&format!("streams: {once:?} {again:?} {closed:?}"));
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}
