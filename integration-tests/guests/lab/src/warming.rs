//! Starts by a callout; requests wait until it is answered.

use serde::Deserialize;
use tollgate::http;
use tollgate::prelude::*;

/// Where the greeting comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    cluster: String,
}

/// The filter.
#[derive(Debug)]
pub(crate) struct Warming {
    greeting: Vec<u8>,
}

impl Plugin for Warming {
    const NAME: &'static str = "warming";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        let answer = http::get(config.cluster, "/greeting").send().await?;
        Ok(Self {
            greeting: answer.body().to_vec(),
        })
    }
}

#[http_filter]
impl HttpFilter for Warming {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        Ok(ex.set_header("x-greeting", self.greeting.trim_ascii())?)
    }
}
