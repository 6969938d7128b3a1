//! Reads and changes trailers.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Trailing;

impl Plugin for Trailing {
    const NAME: &'static str = "trailing";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Trailing {
    type State = ();

    async fn request_trailers(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        Ok(ex.set_trailer("x-seen", "in the request")?)
    }

    async fn response_trailers(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        ex.remove_trailer("x-internal")?;
        Ok(ex.set_trailer("x-seen", "in the response")?)
    }
}
