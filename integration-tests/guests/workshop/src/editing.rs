//! Calls that the other guests have no use for: whole maps, sizes, and the end of a stream.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Editing;

impl Plugin for Editing {
    const NAME: &'static str = "editing";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Editing {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        match ex.path()?.as_bytes() {
            b"/reset" => Ok(ex.reset()?),
            b"/replace" => {
                let names = [
                    ":method",
                    ":path",
                    ":scheme",
                    ":authority",
                    "x-forwarded-proto",
                ];
                let is_kept = |name: &[u8]| names.iter().any(|kept| name == kept.as_bytes());
                let headers = ex.headers()?;
                let kept = headers.iter().filter(|(name, _)| is_kept(name));
                let mut kept: Vec<_> = kept.collect();
                kept.push((b"x-new", b"1"));
                ex.set_headers(kept)?;
                let before = ex.headers_size()?;
                ex.add_header("x-four", "1234")?;
                let grown = ex.headers_size()? - before;
                Ok(ex.set_header("x-grown", grown.to_string())?)
            }
            _ => Ok(()),
        }
    }

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let (size, held) = (ex.body_size()?, ex.body()?.len());
        log::info!("body of {size}, held {held}");
        Ok(())
    }

    async fn response_trailers(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        ex.add_trailer("x-added", "1")?;
        Ok(ex.add_trailer("x-added", "2")?)
    }
}
