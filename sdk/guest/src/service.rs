//! `Service`: a plugin without streams, such as a bootstrap service or an access logger.

use crate::exchange::Exchange;
use crate::filter::{Hooks, root_handlers};
use crate::plugin::Plugin;

/// A plugin without streams. Write the impl under [`#[service]`](macro@crate::service).
///
/// As `envoy.bootstrap.wasm` it runs from Envoy's start on, by its [tick](Plugin::tick), its
/// [tasks](crate::PluginCx::spawn) and its queues. As `envoy.access_loggers.wasm` it is told of
/// every request.
pub trait Service: Plugin {
    /// Filled in by [`#[service]`](macro@crate::service).
    #[doc(hidden)]
    const HOOKS: Hooks = Hooks::ALL;

    /// Runs when a request is over, in an access logger. Everything can be read, nothing changed.
    fn log(&self, ex: &Exchange<()>) {
        let _unused = ex;
    }

    root_handlers!();
}
