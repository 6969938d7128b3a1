//! Hides digits in bodies of any length while they pass: nothing is held.

use tollgate::metric::Counter;
use tollgate::prelude::*;

/// A filter that sees bodies part by part.
#[derive(Debug)]
pub struct StreamBody {
    hidden: Counter<0>,
}

/// How much has passed.
#[derive(Debug, Default)]
pub struct Passed {
    bytes: usize,
}

impl Plugin for StreamBody {
    const NAME: &'static str = "stream-body";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            hidden: Counter::new("example_hidden_digits", []),
        })
    }
}

#[http_filter]
impl HttpFilter for StreamBody {
    type State = Passed;

    fn request_chunk(&self, ex: &mut Exchange<Passed>, chunk: &mut Chunk) -> Result<(), Reject> {
        ex.state.bytes += chunk.len();
        if chunk.is_empty() {
            return Ok(());
        }
        let mut bytes = chunk.bytes()?.into_bytes();
        let digits = bytes.iter_mut().filter(|byte| byte.is_ascii_digit());
        let mut hidden = 0;
        digits.for_each(|digit| {
            *digit = b'#';
            hidden += 1;
        });
        if hidden > 0 {
            self.hidden.add([], hidden);
            chunk.replace(bytes)?;
        }
        Ok(())
    }

    fn log(&self, ex: &mut Exchange<Passed>) {
        log::info!("{} bytes passed", ex.state.bytes);
    }
}
