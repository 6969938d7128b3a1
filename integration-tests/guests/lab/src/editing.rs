//! Reads and changes headers, answers, and reads properties.

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

/// What a request remembers for its end.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    path: String,
}

#[http_filter]
impl HttpFilter for Editing {
    type State = Seen;

    async fn request(&self, ex: &mut Exchange<Seen>) -> Result<(), Reject> {
        ex.state.path = String::from_utf8_lossy(ex.path()?.as_bytes()).into_owned();
        if let Some(status) = ex.header("x-refuse")? {
            let status = status
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(500);
            return Err(Reject::new(status)
                .header("x-why", "as asked")
                .body("refused as asked\n")
                .details("refused as asked")
                .grpc_status(GrpcStatus::FailedPrecondition));
        }
        let names = ex
            .headers()?
            .iter()
            .filter(|(name, _)| name.starts_with(b"x-in-"))
            .count();
        ex.set_header("x-count", names.to_string())?;
        ex.add_header("x-in-a", "added")?;
        ex.remove_header("x-secret")?;
        let known = format!("{:?} {:?}", ex.remote_ip()?, ex.tls_version()?.is_some());
        ex.set_header("x-known", known)?;
        Ok(())
    }

    async fn response(&self, ex: &mut Exchange<Seen>) -> Result<(), Reject> {
        let status = ex.status()?.unwrap_or_default();
        ex.set_header("x-status-was", status.to_string())?;
        ex.set_header("x-path-was", ex.state.path.clone())?;
        Ok(())
    }

    fn log(&self, ex: &mut Exchange<Seen>) {
        let status = ex.status().ok().flatten();
        let details = ex.response_code_details().ok().flatten();
        let details = details.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        log::info!("{} ended with {status:?} {details:?}", ex.state.path);
    }
}
