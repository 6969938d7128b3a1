//! Asks another service whether a request may pass. With the official crate.
#![cfg(target_family = "wasm")]
#![expect(
    missing_docs,
    reason = "the macro of the official crate writes an entry point without"
)]

use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream;

impl Context for Stream {
    fn on_http_call_response(
        &mut self,
        _token: u32,
        _headers: usize,
        _body: usize,
        _trailers: usize,
    ) {
        let status = self.get_http_call_response_header(":status");
        if status.as_deref() == Some("200") {
            self.set_http_request_header("x-checked", Some("yes"));
            self.resume_http_request();
        } else {
            self.send_http_response(403, vec![], Some(b"denied\n"));
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let Some(token) = self.get_http_request_header("x-token") else {
            self.send_http_response(401, vec![], Some(b"a token is required\n"));
            return Action::Pause;
        };
        let headers = vec![
            (":method", "POST"),
            (":path", "/check"),
            (":authority", "authorizer"),
            ("x-token", &*token),
        ];
        let timeout = Duration::from_millis(200);
        match self.dispatch_http_call("authorizer", headers, None, vec![], timeout) {
            Ok(_) => Action::Pause,
            Err(_) => {
                self.send_http_response(503, vec![], None);
                Action::Pause
            }
        }
    }
}
