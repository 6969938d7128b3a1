//! Reads bodies part by part, and asks in between.

use tollgate::http;
use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Reading;

impl Plugin for Reading {
    const NAME: &'static str = "reading";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Reading {
    type State = usize;
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite_chunks();
    const RESPONSE_BODY: BodyAccess = BodyAccess::rewrite_chunks();

    async fn request_body(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        while let Some(mut chunk) = ex.next_chunk().await? {
            ex.state += chunk.len();
            log::info!("got {}", ex.state);
            if chunk.starts_with(b"ask") {
                let answer = http::get("origin", "/side").send().await?;
                let late = chunk.replace(b"too late");
                log::info!("asked {} {late:?}", answer.status());
            } else if chunk.starts_with(b"enough") {
                break;
            } else {
                chunk.replace(chunk.to_ascii_uppercase())?;
            }
        }
        log::info!("read {}", ex.state);
        Ok(())
    }

    async fn response_body(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        let mut is_first = true;
        while let Some(mut chunk) = ex.next_chunk().await? {
            if is_first {
                chunk.replace([b"<", chunk.as_bytes()].concat())?;
            }
            is_first = false;
        }
        log::info!("the response has ended");
        Ok(())
    }

    async fn response_trailers(&self, ex: &mut Exchange<usize>) -> Result<(), Reject> {
        Ok(ex.set_trailer("x-read", ex.state.to_string())?)
    }
}
