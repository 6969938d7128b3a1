//! Counts in shared data and in metrics.

use tollgate::metric::{Counter, Gauge, Histogram};
use tollgate::prelude::*;
use tollgate::shared::{Kv, Update};

/// The filter.
#[derive(Debug)]
pub(crate) struct Counting {
    visits: Kv,
    requests: Counter<2>,
    last: Gauge<0>,
    sizes: Histogram<0>,
}

impl Plugin for Counting {
    const NAME: &'static str = "counting";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            visits: Kv::new("visits"),
            requests: Counter::new("lab_requests", ["method", "result"]),
            last: Gauge::new("lab_last_visit", []),
            sizes: Histogram::new("lab_path_bytes", []),
        })
    }
}

#[http_filter]
impl HttpFilter for Counting {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let path = ex.path()?;
        let visit = self.visits.update(&path, |old| {
            let next = old.map_or(0, |bytes| bytes.len()) + 1;
            (Update::Put(vec![b'|'; next]), next)
        })?;
        let method = String::from_utf8_lossy(ex.method()?.as_bytes()).into_owned();
        self.requests.increment([&method, "counted"]);
        self.last.set([], visit as u64);
        self.sizes.record([], path.len() as u64);
        ex.set_header("x-visit", visit.to_string())?;
        Ok(())
    }
}
