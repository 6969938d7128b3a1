//! Panics or loops when asked to.

use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Crashing;

impl Plugin for Crashing {
    const NAME: &'static str = "crashing";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Crashing {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        if ex.header("x-loop")?.is_some() {
            while std::hint::black_box(true) {}
        }
        assert!(ex.header("x-crash")?.is_none(), "crashed as asked");
        Ok(())
    }
}
