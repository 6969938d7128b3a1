//! Asks a gRPC service who a user is, and tells the upstream.

use std::time::Duration;

use serde::Deserialize;
use tollgate::grpc::{self, GrpcError};
use tollgate::metric::Counter;
use tollgate::prelude::*;

#[cfg(test)]
mod tests;

/// The configuration, JSON in `envoy.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cluster of the service; it must speak HTTP/2.
    cluster: String,
    #[serde(default = "default_timeout")]
    timeout_ms: u64,
}

fn default_timeout() -> u64 {
    200
}

/// `directory.v1.LookupRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LookupRequest {
    /// The user's id.
    #[prost(string, tag = "1")]
    pub user: String,
}

/// `directory.v1.LookupResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LookupResponse {
    /// The user's name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// The filter.
pub struct Directory {
    config: Config,
    lookups: Counter<1>,
}

impl Plugin for Directory {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.timeout_ms == 0 {
            return Err(ConfigError::at("timeout_ms", "must be > 0"));
        }
        Ok(Self {
            config,
            lookups: Counter::new("directory_lookups", ["result"]),
        })
    }
}

#[http_filter]
impl HttpFilter for Directory {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // Nobody but this filter says who asks.
        ex.remove_header("x-user-name")?;
        let user = ex.header("x-user")?.ok_or_else(|| Reject::new(401))?;
        let user = user.to_str().map_err(|_| Reject::new(400))?.to_owned();
        let answer = grpc::call(&self.config.cluster, "directory.v1.Directory", "Lookup")
            .timeout(Duration::from_millis(self.config.timeout_ms))
            .ask::<_, LookupResponse>(&LookupRequest { user })
            .await;
        match answer {
            Ok(answer) => {
                self.lookups.increment(["found"]);
                Ok(ex.set_header("x-user-name", answer.name)?)
            }
            Err(error) if error.status() == Some(GrpcStatus::NotFound) => {
                self.lookups.increment(["unknown"]);
                Err(Reject::new(403).details("unknown_user"))
            }
            Err(error) => Err(self.without_answer(&error)),
        }
    }
}

impl Directory {
    fn without_answer(&self, error: &GrpcError) -> Reject {
        self.lookups.increment(["failed"]);
        log::warn!("{error}");
        Reject::new(503).details("directory_failed")
    }
}

plugins! { Directory }
