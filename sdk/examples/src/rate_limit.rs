//! Lets each user send so many requests in a window of time, counted by all workers together.

use serde::Deserialize;
use tollgate::prelude::*;
use tollgate::shared::{Kv, Update};

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    requests: u32,
    seconds: u32,
}

/// A filter whose state lies in the host.
#[derive(Debug)]
pub struct RateLimit {
    config: Config,
    windows: Kv,
}

impl Plugin for RateLimit {
    const NAME: &'static str = "rate-limit";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.seconds == 0 {
            return Err(ConfigError::at("seconds", "must be > 0"));
        }
        Ok(Self {
            config,
            windows: Kv::new("windows"),
        })
    }
}

#[http_filter]
impl HttpFilter for RateLimit {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let user = ex.header("x-user")?.unwrap_or_default();
        let window = ex.now().as_secs() / u64::from(self.config.seconds);
        let count = self.windows.update(&user, |stored| {
            // Another worker may be faster; then this runs again with what it wrote.
            let count = count_in(stored, window).saturating_add(1);
            if count > self.config.requests {
                return (Update::Keep, count);
            }
            (Update::Put(format!("{window} {count}").into_bytes()), count)
        })?;
        if count > self.config.requests {
            let seconds = self.config.seconds.to_string();
            return Err(Reject::new(429).header("retry-after", seconds));
        }
        Ok(ex.set_header("x-request-number", count.to_string())?)
    }
}

/// How many requests were counted in this window.
fn count_in(stored: Option<&[u8]>, window: u64) -> u32 {
    let text = stored.and_then(|bytes| str::from_utf8(bytes).ok());
    let parts = text.and_then(|text| text.split_once(' '));
    let count = parts.filter(|(of, _)| *of == window.to_string());
    count.and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}
