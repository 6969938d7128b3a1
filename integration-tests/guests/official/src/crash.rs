//! Root `crash`: guest code that goes wrong when a request asks for it.

use std::hint::black_box;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::Action;

/// Root context of the plugin.
pub(crate) struct Crash;

impl Context for Crash {}

impl RootContext for Crash {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(CrashFilter {
            in_response: false,
            wrong_phase: false,
        }))
    }
}

struct CrashFilter {
    in_response: bool,
    wrong_phase: bool,
}

impl Context for CrashFilter {}

impl HttpContext for CrashFilter {
    #[expect(clippy::panic, reason = "crashing is what this guest is for")]
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_request_header("x-guest", "alive");
        match self.get_http_request_header("x-crash").as_deref() {
            Some("request") => panic!("crashed as asked"),
            Some("recursion") => {
                self.add_http_request_header("x-depth", &deeper(1).to_string());
            }
            Some("response") => self.in_response = true,
            Some("wrong-phase") => self.wrong_phase = true,
            _ => {}
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        assert!(!self.in_response, "crashed in the response");
        if self.wrong_phase {
            // The official crate panics on the status that the host gives for this.
            self.get_http_request_header(":path");
        }
        Action::Continue
    }
}

/// Calls itself until the stack is gone; the black box keeps the compiler from making it a loop.
#[expect(unconditional_recursion, reason = "overflowing the stack is the point")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)).wrapping_add(depth)
}
