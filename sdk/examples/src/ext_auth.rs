//! Asks another service about each bearer token, and passes on whom it names.

use std::time::Duration;

use serde::Deserialize;
use tollgate::http::{self, CalloutError};
use tollgate::prelude::*;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    cluster: String,
    /// Whether requests pass when the service does not answer.
    #[serde(default)]
    allow_on_failure: bool,
}

/// A filter that leaves the decision to a service.
#[derive(Debug)]
pub struct ExtAuth {
    config: Config,
}

impl Plugin for ExtAuth {
    const NAME: &'static str = "ext-auth";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

#[http_filter]
impl HttpFilter for ExtAuth {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        // Nobody but this filter says who asks.
        ex.remove_header("x-user")?;
        let Some(credentials) = ex.header("authorization")? else {
            return Err(Reject::new(401).header("www-authenticate", "Bearer"));
        };
        let answer = http::get(&*self.config.cluster, "/authorize")
            .header("authorization", &credentials)
            .timeout(Duration::from_millis(300))
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status() == 200 => match answer.header("x-user") {
                Some(user) => Ok(ex.set_header("x-user", user)?),
                None => Err(Reject::new(502).details("authorizer_names_nobody")),
            },
            Ok(answer) if matches!(answer.status(), 401 | 403) => {
                Err(Reject::new(answer.status()).details("denied"))
            }
            // 504 is the host's own answer when the time is up.
            Ok(_) => self.without_answer(),
            Err(CalloutError::UnknownCluster(name)) => {
                log::error!("the proxy has no cluster {name:?}");
                Err(Reject::new(500).details("no_authorizer"))
            }
            Err(error) => {
                log::warn!("{error}");
                self.without_answer()
            }
        }
    }
}

impl ExtAuth {
    fn without_answer(&self) -> Result<(), Reject> {
        if self.config.allow_on_failure {
            return Ok(());
        }
        Err(Reject::new(503).details("authorizer_failed"))
    }
}
