//! Answers every request itself. With Tollgate's SDK.

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

    async fn request(&self, _ex: &mut Exchange<()>) -> Result<(), Reject> {
        Err(Reject::new(401)
            .header("www-authenticate", "Bearer")
            .body("a token is required\n"))
    }
}

plugins! { Filter }
