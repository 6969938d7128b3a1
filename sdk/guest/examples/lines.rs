//! A TCP filter: it lets whole lines pass in capitals, asks a blocklist about the client first, and
//! says goodbye.

use serde::Deserialize;
use tollgate::prelude::*;
use tollgate::{Chunk, Close, Connection, Flow, StreamFilter, http, stream_filter};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Cluster that is asked about each client; nobody is asked without it.
    blocklist: Option<String>,
}

pub(crate) struct Lines {
    config: Config,
}

impl Plugin for Lines {
    const NAME: &'static str = "lines";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

#[stream_filter]
impl StreamFilter for Lines {
    type State = usize;

    async fn connection(&self, _connection: &mut Connection<usize>) -> Result<(), Close> {
        if let Some(cluster) = &self.config.blocklist {
            let answer = http::get(&**cluster, "/client").send().await?;
            if answer.status() != 200 {
                return Err(Close::new());
            }
        }
        Ok(())
    }

    async fn downstream_data(
        &self,
        connection: &mut Connection<usize>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        let bytes = data.bytes()?;
        if !bytes.ends_with(b"\n") && !data.is_last() {
            return Ok(Flow::Hold);
        }
        if bytes.starts_with(b"quit") {
            return Err(Close::new());
        }
        connection.state += bytes.iter().filter(|byte| **byte == b'\n').count();
        data.replace(bytes.to_ascii_uppercase())?;
        Ok(Flow::Pass)
    }

    fn upstream_data(
        &self,
        _connection: &mut Connection<usize>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        if data.is_last() {
            data.append(b"bye\n")?;
        }
        Ok(Flow::Pass)
    }

    fn log(&self, connection: &mut Connection<usize>) {
        log::info!("{} lines", connection.state);
    }
}

plugins! { Lines }
