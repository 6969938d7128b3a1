//! What Envoy's router does to callouts, which pass through it like other requests.

use std::time::Duration;

use http::StatusCode;

use crate::filter::{HeaderFault, HeaderTable, LocalReply};
use crate::http::local_response::{StreamError, UpstreamReset};

const TIMEOUT_OVERRIDE: &str = "x-envoy-upstream-rq-timeout-ms";

/// Returns the timeout that holds, which a header may set instead of its caller, and tells the
/// upstream of it. Zero waits for ever.
pub(super) fn settle_timeout(
    headers: &mut HeaderTable,
    timeout: Option<Duration>,
) -> Option<Duration> {
    let text = headers.get(TIMEOUT_OVERRIDE);
    let millis = text.and_then(|text| str::from_utf8(text).ok()?.parse().ok());
    headers.remove(TIMEOUT_OVERRIDE.as_bytes());
    let timeout = millis.map(Duration::from_millis).or(timeout);
    let timeout = timeout.filter(|timeout| !timeout.is_zero());
    if let Some(timeout) = timeout {
        let millis = timeout.as_millis().to_string();
        headers.replace(b"x-envoy-expected-rq-timeout-ms", millis.as_bytes());
    }
    timeout
}

/// Returns the answer to a request that cannot be sent.
pub(super) fn unsendable(fault: &HeaderFault) -> LocalReply {
    let text = match fault {
        HeaderFault::IllegalName(name) if !name.starts_with(':') => {
            format!("invalid header name: {name}")
        }
        HeaderFault::IllegalValue(name) if !name.starts_with(':') => {
            format!("invalid header value for: {name}")
        }
        HeaderFault::IllegalName(_) | HeaderFault::IllegalValue(_) | HeaderFault::Missing(_) => {
            return StreamError::UpstreamReset(UpstreamReset::ProtocolError).to_local_reply();
        }
    };
    let reason = text.replace(char::is_whitespace, "_");
    let details = format!("filter_removed_required_request_headers{{{reason}}}");
    LocalReply::new(StatusCode::SERVICE_UNAVAILABLE, text, details)
}
