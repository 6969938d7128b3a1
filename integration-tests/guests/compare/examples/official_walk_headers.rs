//! Walks over all headers and adds up their lengths. With the official crate.
#![cfg(target_family = "wasm")]
#![expect(
    missing_docs,
    reason = "the macro of the official crate writes an entry point without"
)]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

const MOST: usize = 8192;

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

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let headers = self.get_http_request_headers();
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MOST {
            self.send_http_response(431, vec![], None);
            return Action::Pause;
        }
        Action::Continue
    }
}
