//! Limits how often each client may ask. The state lies in the host's shared data, so that all
//! workers count together.

use std::time::Duration;

use serde::Deserialize;
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::shared::{Kv, Update};

#[cfg(test)]
mod tests;

/// The configuration, JSON in `envoy.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many requests a client may send in a period, also all at once.
    requests: u32,
    /// The period.
    seconds: u32,
    /// The header that tells clients apart; without one, their addresses do.
    header: Option<String>,
}

/// The filter.
pub struct RateLimit {
    header: Option<String>,
    /// The time that one request takes of the period.
    interval: Duration,
    /// How far ahead of time a client may be: all its requests but one.
    burst: Duration,
    clients: Kv,
    limited: Counter<0>,
}

impl Plugin for RateLimit {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.requests == 0 {
            return Err(ConfigError::at("requests", "must be > 0"));
        }
        if config.seconds == 0 {
            return Err(ConfigError::at("seconds", "must be > 0"));
        }
        let interval = Duration::from_secs(config.seconds.into()) / config.requests;
        Ok(Self {
            header: config.header,
            interval,
            burst: interval * (config.requests - 1),
            clients: Kv::new("clients"),
            limited: Counter::new("rate_limited_requests", []),
        })
    }
}

#[http_filter]
impl HttpFilter for RateLimit {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let client = self.client(ex)?;
        let now = ex.now();
        let wait = self
            .clients
            .update(client, |stored| self.take_turn(stored, now))?;
        match wait {
            None => Ok(()),
            Some(wait) => {
                self.limited.increment([]);
                // A client that comes back a moment too early would be turned away again.
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Reject::new(429)
                    .header("retry-after", seconds.to_string())
                    .body("too many requests\n")
                    .details("rate_limited"))
            }
        }
    }
}

impl RateLimit {
    /// What tells this client apart.
    fn client(&self, ex: &Exchange<()>) -> Result<Vec<u8>, Error> {
        if let Some(header) = &self.header {
            return Ok(ex.header(header)?.unwrap_or_default().into_bytes());
        }
        // `192.0.2.1:4711`: each connection of a client has a port of its own.
        let address = ex.property(["source", "address"])?.unwrap_or_default();
        let end = address
            .iter()
            .rposition(|byte| *byte == b':')
            .unwrap_or(address.len());
        Ok(address.iter().copied().take(end).collect())
    }

    /// The generic cell rate algorithm: stored is the time at which the client's next request is
    /// due. Returns how long to wait, if the client is too early.
    fn take_turn(&self, stored: Option<&[u8]>, now: Timestamp) -> (Update, Option<Duration>) {
        let stored = stored
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes);
        let due = stored.map_or(now, |nanos| Timestamp::from_nanos(nanos).max(now));
        let ahead = due.saturating_since(now);
        if ahead > self.burst {
            return (Update::Keep, Some(ahead.saturating_sub(self.burst)));
        }
        let next = due + self.interval;
        (Update::Put(next.as_nanos().to_le_bytes().to_vec()), None)
    }
}

plugins! { RateLimit }
