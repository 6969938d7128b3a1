//! Foreign functions: a host's own signs each path, and Envoy's chooses where the stream goes.

use tollgate::foreign::{self, LifeSpan};
use tollgate::metric::Histogram;
use tollgate::prelude::*;

pub(crate) struct Signer {
    path_bytes: Histogram<0>,
}

impl Plugin for Signer {
    const NAME: &'static str = "signer";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        let path_bytes = Histogram::new("signed_path_bytes", []);
        Ok(Self { path_bytes })
    }
}

#[http_filter]
impl HttpFilter for Signer {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        let path = ex.path()?;
        let signature = foreign::call("sign_path", &path).map_err(|error| {
            log::warn!("no signature: {error}");
            Reject::new(503).details("no_signature")
        })?;
        foreign::clear_route_cache()?;
        foreign::set_filter_state("envoy.tcp_proxy.cluster", "signed", LifeSpan::FilterChain)?;
        self.path_bytes.record([], path.len() as u64);
        Ok(ex.set_header("x-signature", signature)?)
    }
}

plugins! { Signer }
