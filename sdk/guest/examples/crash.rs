//! A filter that panics on demand: what an operator then sees is one critical line with the place.

use tollgate::prelude::*;

pub(crate) struct Crash;

impl Plugin for Crash {
    const NAME: &'static str = "crash";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Crash {
    type State = ();

    #[expect(clippy::panic, reason = "crashing is what this filter is for")]
    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if let Some(reason) = ex.header("x-crash")? {
            panic!("asked to crash: {reason:?}");
        }
        Ok(())
    }
}

plugins! { Crash }
