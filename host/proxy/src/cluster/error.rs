//! `UpstreamError`: why there is no response from an upstream.

use thiserror::Error;

use crate::http::local_response::{StreamError, UpstreamReset};

/// Why an upstream gave no response.
#[derive(Debug, Error)]
pub(crate) enum UpstreamError {
    /// A circuit breaker is open.
    #[error("overflow")]
    Overflow,
    /// The connection could not be made.
    #[error("remote connection failure")]
    ConnectFailure {
        /// What the transport said; the access log tells it.
        transport: Option<String>,
    },
    /// The connection was not made in time.
    #[error("connection timeout")]
    ConnectTimeout,
    /// The connection ended before a response.
    #[error("connection termination")]
    ConnectionTermination(#[source] hyper::Error),
    /// The upstream reset the stream.
    #[error("remote reset")]
    RemoteReset(#[source] hyper::Error),
    /// What the upstream sent is not HTTP.
    #[error("protocol error")]
    ProtocolError(#[source] hyper::Error),
}

impl UpstreamError {
    /// Sorts an error of a request that was on its way.
    pub(crate) fn from_hyper(error: hyper::Error) -> Self {
        let is_reset = std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<h2::Error>())
            .is_some_and(h2::Error::is_reset);
        if is_reset {
            Self::RemoteReset(error)
        } else if error.is_parse() {
            Self::ProtocolError(error)
        } else {
            Self::ConnectionTermination(error)
        }
    }

    /// Returns what the transport said, if it failed.
    pub(crate) fn transport_failure(&self) -> Option<&str> {
        match self {
            Self::ConnectFailure { transport } => transport.as_deref(),
            Self::Overflow
            | Self::ConnectTimeout
            | Self::ConnectionTermination(_)
            | Self::RemoteReset(_)
            | Self::ProtocolError(_) => None,
        }
    }

    /// Returns the answer's cause, without the errors below.
    pub(crate) fn to_stream_error(&self) -> StreamError {
        StreamError::UpstreamReset(match self {
            Self::Overflow => return StreamError::UpstreamOverflow,
            Self::ConnectFailure { transport } => {
                UpstreamReset::ConnectionFailure(transport.clone())
            }
            Self::ConnectTimeout => UpstreamReset::ConnectionTimeout,
            Self::ConnectionTermination(_) => UpstreamReset::ConnectionTermination,
            Self::RemoteReset(_) => UpstreamReset::RemoteReset,
            Self::ProtocolError(_) => UpstreamReset::ProtocolError,
        })
    }
}
