//! The smallest useful filter: rejects a request without an `x-hello` header and marks the others.

use tollgate::prelude::*;

pub(crate) struct Hello;

impl Plugin for Hello {
    const NAME: &'static str = "hello";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Hello {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if ex.header("x-hello")?.is_none() {
            return Err(Reject::new(403)
                .body("say hello first\n")
                .details("no_hello"));
        }
        Ok(ex.set_header("x-greeted", "by tollgate")?)
    }
}

plugins! { Hello }
