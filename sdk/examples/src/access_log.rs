//! Is told of every request, counts it by its status and logs those that failed.

use tollgate::metric::Counter;
use tollgate::prelude::*;

/// An access logger.
#[derive(Debug)]
pub struct AccessLog {
    requests: Counter<1>,
}

impl Plugin for AccessLog {
    const NAME: &'static str = "access-log";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            requests: Counter::new("example_requests", ["class"]),
        })
    }
}

#[service]
impl Service for AccessLog {
    fn log(&self, ex: &Exchange<()>) {
        let status = ex.status().ok().flatten().unwrap_or(0);
        let class = match status {
            100..=399 => "fine",
            400..=499 => "refused",
            _ => "failed",
        };
        self.requests.increment([class]);
        let path = ex.path().unwrap_or_default();
        log::info!("{} was answered {status}", path.escape_ascii());
    }
}
