//! Shared data: what the requests and plugins of one `vm_id` have in common.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::Action;

use crate::{Behaviour, printable, say};

/// Finds what `/shared-data/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "swap" => Box::new(CompareAndSwap),
        _ => return None,
    })
}

/// Walks through the rules of compare-and-swap on a key that the request names.
struct CompareAndSwap;

impl Context for CompareAndSwap {}

impl HttpContext for CompareAndSwap {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let key = self.get_http_request_header("x-key").unwrap_or_default();
        let (value, cas) = self.get_shared_data(&key);
        say(&format!("unknown: {value:?} {cas:?}"));
        say(&format!(
            "new key, any cas: {:?}",
            self.set_shared_data(&key, Some(b"one"), Some(77))
        ));
        let (value, first) = self.get_shared_data(&key);
        say(&format!(
            "then: {:?}, cas known {}",
            value.map(|v| printable(&v)),
            first.is_some()
        ));
        let wrong = first.map(|cas| cas.wrapping_add(1));
        say(&format!(
            "wrong cas: {:?}",
            self.set_shared_data(&key, Some(b"no"), wrong)
        ));
        say(&format!(
            "right cas: {:?}",
            self.set_shared_data(&key, Some(b"two"), first)
        ));
        say(&format!(
            "used cas: {:?}",
            self.set_shared_data(&key, Some(b"no"), first)
        ));
        say(&format!(
            "no cas: {:?}",
            self.set_shared_data(&key, Some(b"three"), None)
        ));
        let (value, last) = self.get_shared_data(&key);
        let changed = last != first;
        say(&format!(
            "at last: {:?}, cas changed {changed}",
            value.map(|v| printable(&v))
        ));
        say(&format!(
            "emptied: {:?}",
            self.set_shared_data(&key, None, None)
        ));
        let (value, cas) = self.get_shared_data(&key);
        say(&format!("empty: {value:?}, cas known {}", cas.is_some()));
        say("swapped");
        Action::Continue
    }
}

/// Root `shared`: every request adds one to the key it names and is told the sum.
pub(crate) struct Counting;

impl Context for Counting {}

impl RootContext for Counting {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(CountingFilter))
    }
}

struct CountingFilter;

impl Context for CountingFilter {}

impl HttpContext for CountingFilter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let key = self.get_http_request_header("x-key").unwrap_or_default();
        let (value, cas) = self.get_shared_data(&key);
        let count = value.map_or(0, |bytes| bytes.len()) + 1;
        let stored = self.set_shared_data(&key, Some(&vec![b'|'; count]), cas);
        say(&format!("stored: {stored:?}"));
        self.add_http_request_header("x-count", &count.to_string());
        Action::Continue
    }
}
