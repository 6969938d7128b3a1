//! Fetches once what many requests wait for.

use tollgate::http::{self, CalloutError};
use tollgate::prelude::*;
use tollgate::{SingleFlight, task};

/// The filter.
#[derive(Debug)]
pub(crate) struct Sharing {
    fetch: SingleFlight<Result<Vec<u8>, CalloutError>>,
}

impl Plugin for Sharing {
    const NAME: &'static str = "sharing";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            fetch: SingleFlight::new(),
        })
    }
}

#[http_filter]
impl HttpFilter for Sharing {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if ex.path()? == "/beside" {
            // Goes on when this request is over.
            task::spawn(async {
                let answer = http::get("origin", "/side").send().await;
                log::info!("beside: {}", answer.is_ok());
            });
            return crate::tell("begun");
        }
        let fetched = self.fetch.run(|| async {
            let answer = http::get("origin", "/side").send().await?;
            Ok(answer.body().to_vec())
        });
        Ok(ex.set_header("x-fetched", fetched.await?)?)
    }
}
