//! Asks an authorizer by a callout: one header read, two written.

use tollgate::http;
use tollgate::prelude::*;

pub(crate) struct Authorize;

impl Plugin for Authorize {
    const NAME: &'static str = "authorize";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Authorize {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let token = ex.header("authorization")?;
        let token = token.ok_or_else(|| Reject::new(401).details("no_token"))?;
        let answer = http::get("authorizer", "/check")
            .header("authorization", token)
            .send()
            .await?;
        if answer.status() != 200 {
            return Err(Reject::new(403).details("denied"));
        }
        ex.set_header("x-user", answer.header("x-user").unwrap_or_default())?;
        Ok(ex.set_header("x-authorized", "yes")?)
    }
}

plugins! { Authorize }
