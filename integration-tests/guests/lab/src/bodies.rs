//! Rewrites whole bodies.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Bodies;

impl Plugin for Bodies {
    const NAME: &'static str = "bodies";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Bodies {
    type State = ();
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite(1000);
    const RESPONSE_BODY: BodyAccess = BodyAccess::rewrite(1000);

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let mut body = ex.body()?.into_bytes();
        body.make_ascii_uppercase();
        Ok(ex.set_body(body)?)
    }

    async fn response_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let mut body = ex.body()?.into_bytes();
        body.reverse();
        body.extend_from_slice(b" backwards");
        Ok(ex.set_body(body)?)
    }
}
