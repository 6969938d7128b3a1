//! Changes bodies as they pass.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Chunking;

impl Plugin for Chunking {
    const NAME: &'static str = "chunking";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Chunking {
    type State = usize;
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite(0);
    const RESPONSE_BODY: BodyAccess = BodyAccess::rewrite(0);

    fn request_chunk(&self, ex: &mut Exchange<usize>, chunk: &mut Chunk) -> Result<(), Reject> {
        ex.state += chunk.len();
        let bytes = chunk.bytes()?;
        if bytes.windows(4).any(|word| word == b"evil") {
            return Err(Reject::new(400).body("no evil\n").details("evil"));
        }
        chunk.replace(bytes.to_ascii_uppercase())?;
        if chunk.is_last() {
            chunk.append(b"!")?;
        }
        Ok(())
    }

    fn response_chunk(&self, ex: &mut Exchange<usize>, chunk: &mut Chunk) -> Result<(), Reject> {
        if chunk.is_empty() {
            return chunk
                .append(format!(" after {}", ex.state))
                .map_err(Reject::from);
        }
        chunk.prepend(b"<")?;
        Ok(chunk.append(b">")?)
    }
}
