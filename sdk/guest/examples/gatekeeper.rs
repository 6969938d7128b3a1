//! A filter with a bit of everything: it asks an authorizer about each user, remembers the answer
//! in shared data, counts, hides card numbers in bodies, and logs what it did.

use std::time::Duration;

use serde::Deserialize;
use tollgate::http::{self, CalloutError};
use tollgate::metric::Counter;
use tollgate::prelude::*;
use tollgate::shared::Kv;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    cluster: String,
    #[serde(default = "default_timeout")]
    timeout_ms: u64,
    #[serde(default)]
    heartbeat_ms: u64,
    /// A path of the authorizer that must answer before requests are let in.
    ready_path: Option<String>,
}

fn default_timeout() -> u64 {
    200
}

pub(crate) struct Gatekeeper {
    config: Config,
    verdicts: Kv,
    requests: Counter<1>,
    heartbeats: Counter<0>,
}

#[derive(Default)]
pub(crate) struct Seen {
    user: String,
}

impl Plugin for Gatekeeper {
    const NAME: &'static str = "gatekeeper";
    type Config = Config;

    async fn start(config: Config, cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.timeout_ms == 0 {
            return Err(ConfigError::at("timeout_ms", "must be > 0"));
        }
        if let Some(path) = &config.ready_path {
            let ready = http::get(&*config.cluster, path).send().await?;
            if ready.status() != 200 {
                return Err(ConfigError::at("ready_path", "the authorizer is not ready"));
            }
        }
        if config.heartbeat_ms > 0 {
            cx.set_tick_period(Some(Duration::from_millis(config.heartbeat_ms)))?;
        }
        Ok(Self {
            config,
            verdicts: Kv::new("verdicts"),
            requests: Counter::new("gatekeeper_requests", ["result"]),
            heartbeats: Counter::new("gatekeeper_heartbeats", []),
        })
    }

    async fn tick(&self, _cx: &PluginCx) {
        self.heartbeats.increment([]);
    }
}

#[http_filter]
impl HttpFilter for Gatekeeper {
    type State = Seen;
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite(64 * 1024);

    async fn request(&self, ex: &mut Exchange<Seen>) -> Result<(), Reject> {
        let user = ex
            .header("x-user")?
            .ok_or_else(|| self.reject(401, "missing_user"))?;
        let user = user
            .to_str()
            .map_err(|_| self.reject(400, "bad_user"))?
            .to_owned();
        let allowed = match self.verdicts.get(&user)? {
            Some(verdict) => verdict == b"yes",
            None => self.ask(&user).await?,
        };
        if !allowed {
            return Err(self.reject(403, "denied"));
        }
        self.requests.increment(["ok"]);
        ex.set_header("x-checked", "yes")?;
        ex.state.user = user;
        Ok(())
    }

    async fn request_body(&self, ex: &mut Exchange<Seen>) -> Result<(), Reject> {
        let mut body = ex.body()?.into_bytes();
        let mut digits = 0;
        for byte in &mut body {
            digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
            if digits > 4 {
                *byte = b'*';
            }
        }
        body.extend_from_slice(b"\n");
        Ok(ex.set_body(body)?)
    }

    async fn response(&self, ex: &mut Exchange<Seen>) -> Result<(), Reject> {
        Ok(ex.set_header("x-served", ex.state.user.clone())?)
    }

    fn log(&self, ex: &mut Exchange<Seen>) {
        let status = ex.status().ok().flatten().unwrap_or(0);
        log::info!("user {:?} got {status}", ex.state.user);
    }
}

impl Gatekeeper {
    async fn ask(&self, user: &str) -> Result<bool, Reject> {
        let answer = http::post(&*self.config.cluster, "/check")
            .header("x-user", user)
            .timeout(Duration::from_millis(self.config.timeout_ms))
            .send()
            .await;
        let answer = match answer {
            Err(CalloutError::Reset) => return Err(self.reject(502, "authorizer_broke_off")),
            other => other?,
        };
        let verdict = match answer.status() {
            200 => "yes",
            403 => "no",
            _ => return Err(self.reject(503, "authorizer_failed")),
        };
        self.verdicts.set(user, verdict)?;
        Ok(verdict == "yes")
    }

    fn reject(&self, status: u16, details: &'static str) -> Reject {
        self.requests.increment([details]);
        Reject::new(status)
            .body(format!("{details}\n"))
            .details(details)
    }
}

plugins! { Gatekeeper }
