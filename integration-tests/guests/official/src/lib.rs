//! Guests of the integration tests, written with the official proxy-wasm crate, unmodified.
//!
//! The plugin's `root_id` chooses the root context. The root `main` serves most scenarios: the
//! first two segments of a request's path choose what the filter does to that request.
#![cfg(target_family = "wasm")]
#![expect(
    clippy::expect_used,
    reason = "a guest that cannot go on traps, which the tests see"
)]
#![expect(
    missing_docs,
    reason = "the macro of the official crate writes an entry point without"
)]

mod access_logger;
mod body;
mod callout;
mod configuration;
mod crash;
mod headers;
mod life_cycle;
mod local_response;
mod main_plugin;
mod metrics;
mod pause;
mod properties;
mod service;
mod shared_data;
mod surface;
mod tick;
mod trailers;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext, StreamContext};
use proxy_wasm::types::{ContextType, LogLevel};

proxy_wasm::main! {{
    // Also makes the crate log panics.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// What a request's filter does; `None` when the path names nothing known.
type Behaviour = Box<dyn HttpContext>;

/// A root context that learns from the host which plugin it is.
#[derive(Default)]
struct Root {
    plugin: Option<Box<dyn RootContext>>,
}

impl Root {
    fn plugin(&mut self) -> &mut dyn RootContext {
        let plugin = self.plugin.get_or_insert_with(|| {
            let root_id = hostcalls::get_property(vec!["plugin_root_id"])
                .expect("the host knows the plugin's root id")
                .unwrap_or_default();
            match root_id.as_slice() {
                b"access-logger" => Box::new(access_logger::AccessLogger),
                b"configuration" => Box::new(configuration::Configuration::default()),
                b"crash" => Box::new(crash::Crash),
                b"life-cycle" => Box::new(life_cycle::LifeCycle),
                b"first" | b"second" => Box::new(life_cycle::Named(
                    String::from_utf8_lossy(&root_id).into_owned(),
                )),
                b"tick" => Box::new(tick::Tick::default()),
                b"service" => Box::new(service::Service::default()),
                b"shared" => Box::new(shared_data::Counting),
                b"surface" => Box::new(surface::Surface::default()),
                b"tunnel" => Box::new(surface::Tunnel),
                b"waiting-room" => Box::new(tick::WaitingRoom::default()),
                _ => Box::new(main_plugin::Main),
            }
        });
        plugin.as_mut()
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        self.plugin()
            .on_http_call_response(token, headers, body, trailers);
    }

    fn on_done(&mut self) -> bool {
        self.plugin().on_done()
    }
}

impl RootContext for Root {
    fn on_vm_start(&mut self, size: usize) -> bool {
        self.plugin().on_vm_start(size)
    }

    fn on_configure(&mut self, size: usize) -> bool {
        self.plugin().on_configure(size)
    }

    fn on_tick(&mut self) {
        self.plugin().on_tick();
    }

    fn on_queue_ready(&mut self, queue: u32) {
        self.plugin().on_queue_ready(queue);
    }

    fn on_log(&mut self) {
        self.plugin().on_log();
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        self.plugin
            .as_ref()
            .and_then(|plugin| plugin.create_http_context(id))
    }

    fn create_stream_context(&self, id: u32) -> Option<Box<dyn StreamContext>> {
        self.plugin
            .as_ref()
            .and_then(|plugin| plugin.create_stream_context(id))
    }

    fn get_type(&self) -> Option<ContextType> {
        let chosen = self.plugin.as_ref().and_then(|plugin| plugin.get_type());
        chosen.or(Some(ContextType::HttpContext))
    }
}

/// Writes a line to the proxy's log.
fn say(message: &str) {
    hostcalls::log(LogLevel::Info, message).expect("a log line is always taken");
}

/// Bytes as readable text, the same for every host.
fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
