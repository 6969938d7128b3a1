//! The head of a gRPC request, as Envoy's client writes it.

use std::time::Duration;

use http::Request;
use tollgate_config::UpstreamProtocol;

use super::GrpcCallout;
use crate::base64;
use crate::callout::router::{settle_timeout, unsendable};
use crate::cluster::{Cluster, UpstreamBody};
use crate::filter::{HeaderTable, LocalReply};

/// The head of a request, and what follows from it.
pub(super) struct Head {
    /// As a guest would see it.
    pub(super) table: HeaderTable,
    /// As it is sent, or the answer to what cannot be sent.
    pub(super) request: Result<Request<UpstreamBody>, LocalReply>,
    /// How long the callout may take.
    pub(super) timeout: Option<Duration>,
}

impl GrpcCallout {
    /// Makes the head of a request. Only a call has a timeout, which may be zero.
    pub(super) fn head(&self, cluster: &Cluster, timeout: Option<Duration>) -> Head {
        let mut table = self.headers(cluster, timeout);
        let timeout = settle_timeout(&mut table, timeout);
        let mut request = Request::default();
        let written = match cluster.protocol {
            UpstreamProtocol::Http1 => table.write_http1_request(&mut request),
            UpstreamProtocol::Http2 => table.write_http2_request(&mut request),
        };
        Head {
            request: written
                .map(|()| request)
                .map_err(|fault| unsendable(&fault)),
            table,
            timeout,
        }
    }

    fn headers(&self, cluster: &Cluster, timeout: Option<Duration>) -> HeaderTable {
        let mut table = HeaderTable::empty_request();
        let authority = match self.authority.as_str() {
            "" => &self.cluster,
            authority => authority,
        };
        table.replace(b":method", b"POST");
        table.set_path(format!("/{}/{}", self.service, self.method).as_bytes());
        table.set_authority(authority.as_bytes());
        table.replace(b":scheme", cluster.scheme().as_bytes());
        table.add(b"te", b"trailers");
        if let Some(timeout) = timeout {
            table.add(b"grpc-timeout", grpc_timeout(timeout).as_bytes());
        }
        table.add(b"content-type", b"application/grpc");
        for (name, value) in &self.metadata {
            if name.ends_with(b"-bin") {
                table.add(name, base64::encode(value).as_bytes());
            } else {
                table.add(name, value);
            }
        }
        if !self.skip_envoy_headers {
            table.replace(b"x-envoy-internal", b"true");
        }
        table
    }
}

/// Writes a timeout with at most eight digits: in milliseconds, or else in the next unit that fits.
fn grpc_timeout(timeout: Duration) -> String {
    const MAX: u128 = 99_999_999;
    let millis = timeout.as_millis();
    let units = [(millis, 'm'), (millis / 1000, 'S'), (millis / 60_000, 'M')];
    let fitting = units.into_iter().find(|(value, _)| *value <= MAX);
    let (value, unit) = fitting.unwrap_or_else(|| ((millis / 3_600_000).min(MAX), 'H'));
    format!("{value}{unit}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::grpc_timeout;

    #[test]
    fn a_timeout_has_at_most_eight_digits() {
        for (millis, text) in [
            (0, "0m"),
            (99_999_999, "99999999m"),
            (100_000_000, "100000S"),
            (0x7fff_ffff, "2147483S"),
            (u64::from(u32::MAX), "4294967S"),
            (100_000_000_000, "1666666M"),
            (u64::MAX, "99999999H"),
        ] {
            assert_eq!(grpc_timeout(Duration::from_millis(millis)), text);
        }
    }
}
