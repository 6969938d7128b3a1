//! Has a scanner look at each part of an upload, of any length, before it passes.

use serde::Deserialize;
use tollgate::http;
use tollgate::prelude::*;

/// Who looks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    cluster: String,
}

/// A filter that awaits an answer for each part of a body.
#[derive(Debug)]
pub struct ScanBody {
    cluster: String,
}

/// How much has passed.
#[derive(Debug, Default)]
pub struct Passed {
    bytes: usize,
}

impl Plugin for ScanBody {
    const NAME: &'static str = "scan-body";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            cluster: config.cluster,
        })
    }
}

#[http_filter]
impl HttpFilter for ScanBody {
    type State = Passed;
    const REQUEST_BODY: BodyAccess = BodyAccess::chunks();

    async fn request_body(&self, ex: &mut Exchange<Passed>) -> Result<(), Reject> {
        // While the scanner looks, the host holds what the client sends, and then takes no more.
        while let Some(chunk) = ex.next_chunk().await? {
            ex.state.bytes += chunk.len();
            let verdict = http::post(&*self.cluster, "/scan").body(chunk);
            if verdict.send().await?.status() != 200 {
                return Err(Reject::new(422)
                    .body("the scanner says no\n")
                    .details("scanner"));
            }
        }
        Ok(())
    }

    fn log(&self, ex: &mut Exchange<Passed>) {
        log::info!("{} bytes scanned", ex.state.bytes);
    }
}
