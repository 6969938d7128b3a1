//! Lets a TCP connection through whose first line is a password, and counts what passes.

use serde::Deserialize;
use tollgate::metric::Counter;
use tollgate::prelude::*;

#[cfg(test)]
mod tests;

/// The configuration, JSON in `envoy.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The first line, without its end.
    password: String,
}

/// The filter.
pub struct Gate {
    password: String,
    connections: Counter<1>,
}

/// What the filter remembers of one connection.
#[derive(Default)]
pub struct Progress {
    is_open: bool,
    received: usize,
    sent: usize,
}

impl Plugin for Gate {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Config = Config;

    async fn start(config: Config, _cx: &PluginCx) -> Result<Self, ConfigError> {
        if config.password.is_empty() {
            return Err(ConfigError::at("password", "must not be empty"));
        }
        Ok(Self {
            password: config.password,
            connections: Counter::new("gate_connections", ["result"]),
        })
    }
}

#[stream_filter]
impl StreamFilter for Gate {
    type State = Progress;

    async fn downstream_data(
        &self,
        connection: &mut Connection<Progress>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        if connection.state.is_open {
            connection.state.received += data.len();
            return Ok(Flow::Pass);
        }
        let bytes = data.bytes()?;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            // A client that never ends its line is not waited for.
            if bytes.len() > self.password.len() {
                return Err(self.refuse());
            }
            return Ok(Flow::Hold);
        };
        let (line, rest) = bytes.split_at(end);
        if line != self.password.as_bytes() {
            return Err(self.refuse());
        }
        let rest = rest.get(1..).unwrap_or_default();
        self.connections.increment(["accepted"]);
        connection.state.is_open = true;
        connection.state.received = rest.len();
        // The upstream never sees the password.
        data.replace(rest)?;
        Ok(Flow::Pass)
    }

    fn upstream_data(
        &self,
        connection: &mut Connection<Progress>,
        data: &mut Chunk,
    ) -> Result<Flow, Close> {
        connection.state.sent += data.len();
        Ok(Flow::Pass)
    }

    fn log(&self, connection: &mut Connection<Progress>) {
        let Progress { received, sent, .. } = connection.state;
        log::info!("{received} bytes received, {sent} sent");
    }
}

impl Gate {
    fn refuse(&self) -> Close {
        self.connections.increment(["refused"]);
        Close::new()
    }
}

plugins! { Gate }
