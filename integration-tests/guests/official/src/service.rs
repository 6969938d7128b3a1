//! Root `service`: a plugin without streams, which counts the VMs it runs in.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::MetricType;

use crate::{printable, say};

/// Counts itself at its first tick, which no VM sees that is only tried.
#[derive(Default)]
pub(crate) struct Service {
    name: String,
}

impl Context for Service {}

impl RootContext for Service {
    fn on_configure(&mut self, _: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        self.name = printable(&configuration);
        self.set_tick_period(Duration::from_millis(20));
        self.name != "refuse me"
    }

    fn on_tick(&mut self) {
        self.set_tick_period(Duration::ZERO);
        let name = format!("service.{}", self.name);
        let counter = hostcalls::define_metric(MetricType::Counter, &name).expect("a counter");
        hostcalls::increment_metric(counter, 1).expect("the counter counts");
        say("ticked");
    }
}
