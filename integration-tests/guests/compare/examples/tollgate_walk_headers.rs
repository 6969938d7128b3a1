//! Walks over all headers and adds up their lengths. With Tollgate's SDK.

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
        let headers = ex.headers()?;
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MOST {
            return Err(Reject::new(431));
        }
        Ok(())
    }
}

plugins! { Filter }
