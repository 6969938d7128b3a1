//! Never starts: its start panics.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Failing;

impl Plugin for Failing {
    const NAME: &'static str = "failing";
    type Config = ();

    #[expect(clippy::panic, reason = "crashing is what this guest is for")]
    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        panic!("crashed while it started");
    }
}

#[http_filter]
impl HttpFilter for Failing {
    type State = ();
}
