//! Lets in requests whose body is JSON, and hides in responses what looks like a card number.

use serde::Deserialize;
use serde::de::IgnoredAny;
use tollgate::metric::Counter;
use tollgate::prelude::*;

#[cfg(test)]
mod tests;

/// The configuration, JSON in `envoy.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many digits in a row are a number to hide.
    #[serde(default = "default_digits")]
    digits: usize,
}

fn default_digits() -> usize {
    13
}

/// The digits that stay readable.
const SHOWN: usize = 4;

/// The filter.
pub struct Redact {
    digits: usize,
    hidden: Counter<0>,
}

impl Plugin for Redact {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.digits <= SHOWN {
            return Err(ConfigError::at("digits", format!("must be > {SHOWN}")));
        }
        Ok(Self {
            digits: config.digits,
            hidden: Counter::new("redacted_numbers", []),
        })
    }
}

#[http_filter]
impl HttpFilter for Redact {
    type State = ();

    // A larger request is answered 413, a larger response 502: nothing passes unseen.
    const REQUEST_BODY: BodyAccess = BodyAccess::read(64 * 1024);
    const RESPONSE_BODY: BodyAccess = BodyAccess::rewrite(1024 * 1024);

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // A compressed response could not be read.
        Ok(ex.remove_header("accept-encoding")?)
    }

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let body = ex.body()?;
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
            return Err(Reject::new(400)
                .body(format!("the body is no JSON: {error}\n"))
                .details("body_is_no_json"));
        }
        Ok(())
    }

    async fn response_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let mut body = ex.body()?.into_bytes();
        let hidden = hide(&mut body, self.digits);
        if hidden == 0 {
            return Ok(());
        }
        self.hidden.add([], hidden);
        Ok(ex.set_body(body)?)
    }
}

/// Hides all but the last digits of each number that is long enough; returns how many there were.
fn hide(body: &mut [u8], digits: usize) -> u64 {
    let mut hidden = 0;
    for number in body.chunk_by_mut(|a, b| a.is_ascii_digit() && b.is_ascii_digit()) {
        if number.len() >= digits && number.iter().all(u8::is_ascii_digit) {
            let shown_from = number.len() - SHOWN;
            number
                .iter_mut()
                .take(shown_from)
                .for_each(|digit| *digit = b'*');
            hidden += 1;
        }
    }
    hidden
}

plugins! { Redact }
