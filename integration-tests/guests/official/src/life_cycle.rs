//! Order of callbacks, of one filter and of two in a chain.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::Action;

use crate::say;

/// Root `life-cycle`: logs every callback of a stream, to the end.
pub(crate) struct LifeCycle;

impl Context for LifeCycle {}

impl RootContext for LifeCycle {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        say("created");
        Some(Box::new(Witness))
    }
}

struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        say("deleted");
    }
}

impl Context for Witness {
    fn on_done(&mut self) -> bool {
        say("done");
        true
    }
}

impl HttpContext for Witness {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say("request headers");
        Action::Continue
    }

    fn on_http_request_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            say("request body ends");
        }
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        say("request trailers");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say("response headers");
        Action::Continue
    }

    fn on_http_response_body(&mut self, _: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            say("response body ends");
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        say("response trailers");
        Action::Continue
    }

    fn on_log(&mut self) {
        say("log");
    }
}

/// Roots `first` and `second`: two filters in one chain, which tell each other apart.
pub(crate) struct Named(pub(crate) String);

impl Context for Named {}

impl RootContext for Named {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(NamedFilter(self.0.clone())))
    }
}

struct NamedFilter(String);

impl Context for NamedFilter {}

impl HttpContext for NamedFilter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let name = &self.0;
        say(&format!("{name}: request"));
        self.add_http_request_header("x-passed", name);
        let met = self.get_property(vec!["passed"]).unwrap_or_default();
        say(&format!(
            "{name}: passed before: {}",
            String::from_utf8_lossy(&met)
        ));
        self.set_property(vec!["passed"], Some(name.as_bytes()));
        if self.get_http_request_header("x-stop-at").as_ref() == Some(name) {
            self.send_http_response(403, vec![], Some(format!("stopped at {name}\n").as_bytes()));
            return Action::Pause;
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let name = &self.0;
        say(&format!("{name}: response"));
        self.add_http_response_header("x-passed", name);
        Action::Continue
    }

    fn on_log(&mut self) {
        say(&format!("{}: log", self.0));
    }
}
