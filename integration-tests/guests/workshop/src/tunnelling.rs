//! Holds, changes and closes TCP connections.

use tollgate::http;
use tollgate::prelude::*;

/// The filter.
#[derive(Debug)]
pub(crate) struct Tunnelling;

impl Plugin for Tunnelling {
    const NAME: &'static str = "tunnelling";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[stream_filter]
impl StreamFilter for Tunnelling {
    type State = Vec<u8>;

    async fn connection(&self, connection: &mut Connection<Vec<u8>>) -> Result<(), Close> {
        let answer = http::get("origin", "/side").send().await?;
        connection.state = answer.body().to_vec();
        connection.set_property("greeting", answer.body())?;
        Ok(())
    }

    async fn downstream_data(
        &self,
        connection: &mut Connection<Vec<u8>>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        let bytes = data.bytes()?;
        log::info!("from the client: {}", bytes.escape_ascii());
        if !bytes.ends_with(b"\n") && !data.is_last() {
            return Ok(Flow::Hold);
        }
        match bytes.trim_ascii() {
            b"close" => return Err(Close::new()),
            b"bye" => {
                connection.close()?;
                return Ok(Flow::Hold);
            }
            b"ask" => {
                let answer = http::get("origin", "/again").send().await?;
                data.replace(answer.body())?;
            }
            _ => data.replace([&connection.state, bytes.as_bytes()].concat())?,
        }
        Ok(Flow::Pass)
    }

    fn upstream_data(
        &self,
        connection: &mut Connection<Vec<u8>>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        let greeting: Option<Vec<u8>> = connection.prop("greeting")?;
        if !data.is_empty() {
            data.append(greeting.unwrap_or_default())?;
        }
        Ok(Flow::Pass)
    }

    fn downstream_closed(&self, connection: &mut Connection<Vec<u8>>, by: tollgate::PeerType) {
        let address: Result<Option<HeaderValue>, _> = connection.prop(path!["source", "address"]);
        let known = address.is_ok_and(|address| address.is_some());
        log::info!("the client's side closed: {by:?}, address known: {known}");
    }

    fn upstream_closed(&self, _connection: &mut Connection<Vec<u8>>, by: tollgate::PeerType) {
        log::info!("the origin's side closed: {by:?}");
    }

    fn log(&self, _connection: &mut Connection<Vec<u8>>) {
        log::info!("logged");
    }
}
