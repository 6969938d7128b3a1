//! Root `tunnel`: a network filter, every method of `StreamContext`.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext, StreamContext};
use proxy_wasm::types::{Action, ContextType, PeerType};

use crate::{printable, say};

/// Root context of the plugin.
pub(crate) struct Tunnel;

impl Context for Tunnel {}

impl RootContext for Tunnel {
    fn create_stream_context(&self, _: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::StreamContext)
    }
}

/// A connection: what passes is marked, and a word from either side ends it.
struct Stream;

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        say("done");
        true
    }
}

impl StreamContext for Stream {
    fn on_new_connection(&mut self) -> Action {
        let address = self.get_property(vec!["source", "address"]).is_some();
        say(&format!("connected, address known: {address}"));
        self.resume_downstream();
        say(&format!("resumed: {:?}", hostcalls::resume_downstream()));
        Action::Continue
    }

    fn on_downstream_data(&mut self, size: usize, _: bool) -> Action {
        let data = self.get_downstream_data(0, size).unwrap_or_default();
        if data.is_empty() {
            return Action::Continue;
        }
        say(&format!("from the client: {}", printable(&data)));
        match data.as_slice() {
            b"close" => self.close_downstream(),
            b"hostcall" => say(&format!("closed: {:?}", hostcalls::close_downstream())),
            b"close upstream" => self.close_upstream(),
            b"resume upstream" => self.resume_upstream(),
            _ => self.set_downstream_data(0, 0, b"> "),
        }
        Action::Continue
    }

    fn on_upstream_data(&mut self, size: usize, _: bool) -> Action {
        let data = self.get_upstream_data(0, size).unwrap_or_default();
        if !data.is_empty() {
            say(&format!("from the origin: {}", printable(&data)));
            self.set_upstream_data(size, 0, b" <");
        }
        Action::Continue
    }

    fn on_downstream_close(&mut self, peer: PeerType) {
        say(&format!("the client's side closed: {}", name(peer)));
    }

    fn on_upstream_close(&mut self, peer: PeerType) {
        say(&format!("the origin's side closed: {}", name(peer)));
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

fn name(peer: PeerType) -> &'static str {
    match peer {
        PeerType::Local => "local",
        PeerType::Remote => "remote",
        _ => "unknown",
    }
}
