//! Custom metrics, which the proxy's admin interface shows.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MetricType, Status};

use crate::{Behaviour, say};

/// Finds what `/metrics/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "counter" => Box::new(Counter),
        "gauge" => Box::new(Gauge),
        "histogram" => Box::new(Histogram),
        _ => return None,
    })
}

fn define(context: &dyn HttpContext, metric_type: MetricType) -> Result<u32, Status> {
    let name = context
        .get_http_request_header("x-metric")
        .unwrap_or_default();
    hostcalls::define_metric(metric_type, &name)
}

struct Counter;

impl Counter {
    fn count(&self) -> Result<(), Status> {
        let id = define(self, MetricType::Counter)?;
        hostcalls::increment_metric(id, 2)?;
        hostcalls::increment_metric(id, 3)?;
        say(&format!("after 2 and 3: {}", hostcalls::get_metric(id)?));
        hostcalls::record_metric(id, 10)?;
        say(&format!(
            "after a record of 10: {}",
            hostcalls::get_metric(id)?
        ));
        say(&format!("down: {:?}", hostcalls::increment_metric(id, -1)));
        let again = define(self, MetricType::Counter)?;
        say(&format!(
            "ids differ {}, values {}",
            again != id,
            hostcalls::get_metric(again)?
        ));
        say(&format!(
            "unknown id: {:?}",
            hostcalls::get_metric(4_000_000)
        ));
        Ok(())
    }
}

impl Context for Counter {}

impl HttpContext for Counter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("counted: {:?}", self.count()));
        Action::Continue
    }
}

struct Gauge;

impl Gauge {
    fn measure(&self) -> Result<(), Status> {
        let id = define(self, MetricType::Gauge)?;
        hostcalls::record_metric(id, 40)?;
        hostcalls::increment_metric(id, 5)?;
        hostcalls::increment_metric(id, -3)?;
        say(&format!(
            "after 40, up 5, down 3: {}",
            hostcalls::get_metric(id)?
        ));
        Ok(())
    }
}

impl Context for Gauge {}

impl HttpContext for Gauge {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("measured: {:?}", self.measure()));
        Action::Continue
    }
}

struct Histogram;

impl Histogram {
    fn record(&self) -> Result<(), Status> {
        let id = define(self, MetricType::Histogram)?;
        for value in [1, 10, 100] {
            hostcalls::record_metric(id, value)?;
        }
        say(&format!("up: {:?}", hostcalls::increment_metric(id, 1)));
        Ok(())
    }
}

impl Context for Histogram {}

impl HttpContext for Histogram {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("recorded: {:?}", self.record()));
        Action::Continue
    }
}
