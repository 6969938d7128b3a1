//! Lets in requests with a known API key, and tells the upstream whose key it was.

use serde::Deserialize;
use tollgate::metric::Counter;
use tollgate::prelude::*;

#[cfg(test)]
mod tests;

/// The configuration, JSON in `envoy.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The keys that are let in.
    keys: Vec<Key>,
    /// The header that a client puts its key into.
    #[serde(default = "default_header")]
    header: String,
}

/// One key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: String,
    consumer: String,
}

fn default_header() -> String {
    "x-api-key".to_owned()
}

/// The header that tells the upstream who asks.
const CONSUMER: &str = "x-consumer";

/// The filter.
pub struct ApiKey {
    config: Config,
    requests: Counter<1>,
}

impl Plugin for ApiKey {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.keys.is_empty() {
            return Err(ConfigError::at("keys", "name at least one key"));
        }
        if let Some(index) = config.keys.iter().position(|key| key.key.is_empty()) {
            return Err(ConfigError::at(
                format!("keys[{index}].key"),
                "must not be empty",
            ));
        }
        Ok(Self {
            config,
            requests: Counter::new("auth_requests", ["result"]),
        })
    }
}

#[http_filter]
impl HttpFilter for ApiKey {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // Nobody but this filter says who asks.
        ex.remove_header(CONSUMER)?;
        let Some(given) = ex.header(&self.config.header)? else {
            return Err(self.reject("missing_key"));
        };
        let Some(consumer) = self.consumer(&given) else {
            return Err(self.reject("unknown_key"));
        };
        self.requests.increment(["allowed"]);
        ex.remove_header(&self.config.header)?;
        Ok(ex.set_header(CONSUMER, consumer)?)
    }
}

impl ApiKey {
    /// Compares with every key, so that the time taken tells nothing about them.
    fn consumer(&self, given: &[u8]) -> Option<&str> {
        let mut found = None;
        for key in &self.config.keys {
            if is_equal(key.key.as_bytes(), given) {
                found = Some(key.consumer.as_str());
            }
        }
        found
    }

    fn reject(&self, details: &'static str) -> Reject {
        self.requests.increment([details]);
        Reject::new(401)
            .header("www-authenticate", "ApiKey")
            .body("a valid API key is required\n")
            .details(details)
    }
}

/// Compares in a time that depends on the lengths only.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(difference) == 0
}

plugins! { ApiKey }
