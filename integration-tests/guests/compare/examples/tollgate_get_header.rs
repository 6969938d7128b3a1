//! Reads one header and looks at its length. With Tollgate's SDK.

use tollgate::prelude::*;

const MOST: usize = 8192;

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
        if ex
            .header("x-token")?
            .is_some_and(|token| token.len() > MOST)
        {
            return Err(Reject::new(400));
        }
        Ok(())
    }
}

plugins! { Filter }
