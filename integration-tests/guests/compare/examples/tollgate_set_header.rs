//! Sets one header. With Tollgate's SDK.

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
        Ok(ex.set_header("x-checked", "yes")?)
    }
}

plugins! { Filter }
