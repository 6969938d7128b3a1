//! Works without any stream, as a bootstrap service.

use std::time::Duration;

use tollgate::http;
use tollgate::prelude::*;
use tollgate::task;

/// The service.
#[derive(Debug)]
pub(crate) struct Serving;

impl Plugin for Serving {
    const NAME: &'static str = "serving";
    type Config = ();

    async fn start((): (), cx: &PluginCx) -> Result<Self, ConfigError> {
        cx.spawn(async {
            let greeting = loop {
                let answer = http::get("origin", "/greeting").send().await;
                match answer {
                    Ok(answer) if answer.status() == 200 => break answer,
                    _ => task::sleep(Duration::from_millis(20)).await,
                }
            };
            log::info!("the service heard: {}", greeting.body().escape_ascii());
        });
        Ok(Self)
    }
}

#[service]
impl Service for Serving {}
