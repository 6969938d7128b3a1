//! Holds headers until the body is known.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Holding;

impl Plugin for Holding {
    const NAME: &'static str = "holding";
    type Config = ();

    async fn start((): (), cx: &PluginCx) -> Result<Self, ConfigError> {
        cx.allow_stop_iteration();
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Holding {
    type State = ();
    const REQUEST_BODY: BodyAccess = BodyAccess::read(1000).holding_headers();
    const RESPONSE_BODY: BodyAccess = BodyAccess::read(1000).holding_headers();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if ex.header("x-slow")?.is_some() {
            let answer = tollgate::http::get("origin", "/side").send().await?;
            ex.set_header("x-slow", answer.body())?;
        }
        Ok(())
    }

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let size = ex.body()?.len();
        Ok(ex.set_header("x-body-size", size.to_string())?)
    }

    async fn response_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if ex.body()?.starts_with(b"secret") {
            return Err(Reject::new(502).body("withheld\n").details("secret"));
        }
        Ok(ex.set_header("x-checked", "yes")?)
    }
}
