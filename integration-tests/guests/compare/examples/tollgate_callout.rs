//! Asks another service whether a request may pass. With Tollgate's SDK.

use std::time::Duration;

use tollgate::http;
use tollgate::prelude::*;

struct Filter;

impl Plugin for Filter {
    const NAME: &'static str = "filter";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Filter {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let token = ex
            .header("x-token")?
            .ok_or_else(|| Reject::new(401).body("a token is required\n"))?;
        let answer = http::post("authorizer", "/check")
            .header("x-token", &token)
            .timeout(Duration::from_millis(200))
            .send()
            .await?;
        if answer.status() != 200 {
            return Err(Reject::new(403).body("denied\n"));
        }
        Ok(ex.set_header("x-checked", "yes")?)
    }
}

plugins! { Filter }
