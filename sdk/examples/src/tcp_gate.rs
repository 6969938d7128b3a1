//! Lets a TCP connection through whose first line is the password, and keeps that line to itself.

use serde::Deserialize;
use tollgate::prelude::*;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    password: String,
}

/// A filter before a TCP proxy.
#[derive(Debug)]
pub struct TcpGate {
    password: String,
}

/// What a connection has shown.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: bool,
}

impl Plugin for TcpGate {
    const NAME: &'static str = "tcp-gate";
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self {
            password: config.password,
        })
    }
}

#[stream_filter]
impl StreamFilter for TcpGate {
    type State = Gate;

    async fn downstream_data(
        &self,
        connection: &mut Connection<Gate>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        if connection.state.is_open {
            return Ok(Flow::Pass);
        }
        let bytes = data.bytes()?;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            // A client that never ends its line is not waited for.
            return if bytes.len() > self.password.len() {
                Err(Close::new())
            } else {
                Ok(Flow::Hold)
            };
        };
        let (line, rest) = bytes.split_at(end);
        if *line != *self.password.as_bytes() {
            log::info!("a wrong password");
            return Err(Close::new());
        }
        connection.state.is_open = true;
        data.replace(rest.get(1..).unwrap_or_default())?;
        Ok(Flow::Pass)
    }
}
