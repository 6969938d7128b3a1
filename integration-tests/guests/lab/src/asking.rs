//! Awaits callouts in both directions.

use std::time::Duration;

use serde::Deserialize;
use tollgate::http;
use tollgate::prelude::*;

/// Whom to ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    cluster: String,
    timeout_ms: u64,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Asking {
    config: Config,
}

impl Plugin for Asking {
    const NAME: &'static str = "asking";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

#[http_filter]
impl HttpFilter for Asking {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let cluster = match ex.header("x-cluster")? {
            Some(name) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
            None => self.config.cluster.clone(),
        };
        let first = self.ask(&cluster, "/side").await?;
        if first.status() != 200 {
            let reason = String::from_utf8_lossy(first.body()).into_owned();
            return Err(Reject::new(403).body(reason).details("side_said_no"));
        }
        let second = self.ask(&cluster, "/side-again").await?;
        ex.set_header("x-first", first.body())?;
        ex.set_header("x-second", second.body())?;
        Ok(())
    }

    async fn response(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let answer = self.ask(&self.config.cluster, "/side-response").await?;
        ex.set_header("x-side-response", answer.body().trim_ascii())?;
        Ok(())
    }
}

impl Asking {
    async fn ask(&self, cluster: &str, path: &str) -> Result<http::CalloutResponse, Reject> {
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let call = http::post(cluster, path)
            .authority("side.test")
            .header("x-asked-by", "lab");
        Ok(call.body("question").timeout(timeout).send().await?)
    }
}
