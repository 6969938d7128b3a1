//! Notes every request, as an access logger.

use tollgate::prelude::*;

/// The logger.
#[derive(Debug)]
pub(crate) struct Noting;

impl Plugin for Noting {
    const NAME: &'static str = "noting";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[service]
impl Service for Noting {
    fn log(&self, ex: &Exchange<()>) {
        let (path, status) = (ex.path(), ex.status());
        let details = ex.response_code_details();
        let has_ended = ex.duration().is_ok_and(|duration| duration.is_some());
        log::info!("noted {path:?} {status:?} {details:?} {has_ended}");
    }
}
