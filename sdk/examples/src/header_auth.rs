//! Lets in the teams of a list, by a header.

use serde::Deserialize;
use tollgate::prelude::*;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    teams: Vec<String>,
}

/// A filter that knows who may ask.
#[derive(Debug)]
pub struct HeaderAuth {
    teams: Vec<String>,
}

impl Plugin for HeaderAuth {
    const NAME: &'static str = "header-auth";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.teams.is_empty() {
            return Err(ConfigError::at("teams", "name at least one team"));
        }
        Ok(Self {
            teams: config.teams,
        })
    }
}

#[http_filter]
impl HttpFilter for HeaderAuth {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let Some(team) = ex.header("x-team")? else {
            let reject = Reject::new(401).body("say which team you are\n");
            return Err(reject.details("no_team"));
        };
        if !self.teams.iter().any(|known| *known.as_bytes() == *team) {
            return Err(Reject::new(403).details("unknown_team"));
        }
        Ok(ex.set_header("x-checked", "header-auth")?)
    }
}
