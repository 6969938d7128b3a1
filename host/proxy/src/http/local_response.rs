//! The only mapping from an error or a plugin's answer to a response, with Envoy's texts.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tollgate_abi::GrpcStatus;

use super::response_flags::ResponseFlags as Flags;
use crate::filter::{HeaderFault, HeaderTable, LocalReply};
use crate::route::is_grpc_request;

/// Why this proxy answers a request itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// No route matches.
    RouteNotFound,
    /// The route's cluster does not exist.
    ClusterNotFound,
    /// The cluster has no endpoint that takes requests.
    NoHealthyUpstream,
    /// A circuit breaker of the cluster is open.
    UpstreamOverflow,
    /// The upstream failed before it sent response headers.
    UpstreamReset(UpstreamReset),
    /// The route's timeout passed before the response began.
    UpstreamTimeout,
    /// Nothing happened on the stream for too long.
    StreamIdle {
        /// Whether the whole request had arrived.
        request_complete: bool,
    },
    /// The head of the request took too long to arrive.
    RequestHeadersTimeout,
    /// The request took too long to arrive.
    RequestTimeout {
        /// Whether the whole request had arrived.
        request_complete: bool,
    },
    /// A filter holds more of the request than it may.
    RequestTooLarge,
    /// A filter holds more of the response than it may.
    ResponseTooLarge,
    /// The request's head is too large.
    RequestHeadersTooLarge,
    /// The request breaks the rules of HTTP; the text says how, for the access log.
    BadRequest(&'static str),
    /// The request has no `host`.
    MissingHost,
    /// The path cannot be normalized.
    PathNormalization,
    /// HTTP/1.0 is not answered here.
    LowVersion,
    /// The request's target is not a path.
    AbsolutePathRejected,
    /// A transfer coding other than `chunked`.
    TransferEncoding,
    /// The configuration it is served by was replaced, and the time to finish is over.
    GenerationExpired,
    /// An upgrade that is not allowed here.
    UpgradeRefused,
    /// Filters left request headers that cannot be sent.
    RequestHeaders(HeaderFault),
    /// Filters left response headers that cannot be sent.
    ResponseHeaders(HeaderFault),
}

/// How an upstream failed before it sent response headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamReset {
    /// No connection was made; with the reason, if the transport knows one.
    ConnectionFailure(Option<String>),
    /// No connection was made in time.
    ConnectionTimeout,
    /// The upstream closed the connection.
    ConnectionTermination,
    /// The upstream reset the stream.
    RemoteReset,
    /// The upstream broke the rules of HTTP.
    ProtocolError,
}

impl StreamError {
    /// Returns the answer.
    #[must_use]
    pub(crate) fn to_local_reply(&self) -> LocalReply {
        match self {
            Self::RouteNotFound => {
                reply(404, "", "route_not_found").with_flags(Flags::NO_ROUTE_FOUND)
            }
            Self::ClusterNotFound => {
                reply(503, "", "cluster_not_found").with_flags(Flags::NO_CLUSTER_FOUND)
            }
            Self::NoHealthyUpstream => reply(503, "no healthy upstream", "no_healthy_upstream")
                .with_flags(Flags::NO_HEALTHY_UPSTREAM),
            Self::UpstreamOverflow => {
                upstream_reply(503, "overflow", None, Flags::UPSTREAM_OVERFLOW)
                    .with_header("x-envoy-overloaded", "true")
            }
            Self::UpstreamReset(reset) => reset.to_local_reply(),
            Self::UpstreamTimeout => reply(504, "upstream request timeout", "response_timeout")
                .with_flags(Flags::UPSTREAM_REQUEST_TIMEOUT),
            Self::StreamIdle { request_complete } => {
                let status = timeout_status(*request_complete);
                reply(status, "stream timeout", "stream_idle_timeout")
                    .with_flags(Flags::STREAM_IDLE_TIMEOUT)
            }
            Self::RequestHeadersTimeout => {
                reply(408, "request header timeout", "request_header_timeout")
            }
            Self::RequestTimeout { request_complete } => {
                let status = timeout_status(*request_complete);
                reply(status, "request timeout", "request_overall_timeout")
            }
            Self::RequestTooLarge => reply(413, "Payload Too Large", "request_payload_too_large"),
            Self::ResponseTooLarge => {
                reply(500, "Internal Server Error", "response_payload_too_large")
            }
            Self::RequestHeadersTooLarge => headers_too_large("http1.headers_too_large"),
            Self::BadRequest(details) => {
                reply(400, "Bad Request", *details).with_flags(Flags::DOWNSTREAM_PROTOCOL_ERROR)
            }
            Self::MissingHost => reply(400, "", "missing_host_header"),
            Self::PathNormalization => reply(400, "", "path_normalization_failed"),
            Self::LowVersion => reply(426, "Upgrade Required", "low_version")
                .with_flags(Flags::DOWNSTREAM_PROTOCOL_ERROR),
            Self::AbsolutePathRejected => reply(404, "", "absolute_path_rejected"),
            Self::TransferEncoding => {
                reply(501, "Not Implemented", "http1.invalid_transfer_encoding")
                    .with_flags(Flags::DOWNSTREAM_PROTOCOL_ERROR)
            }
            Self::GenerationExpired => reply(503, "", "generation_expired"),
            Self::UpgradeRefused => reply(403, "", "upgrade_failed"),
            Self::RequestHeaders(fault) => {
                header_fault(503, fault, "request").with_flags(Flags::DOWNSTREAM_PROTOCOL_ERROR)
            }
            Self::ResponseHeaders(fault) => header_fault(502, fault, "response"),
        }
    }
}

impl UpstreamReset {
    fn to_local_reply(&self) -> LocalReply {
        match self {
            Self::ConnectionFailure(reason) => upstream_reply(
                503,
                "remote connection failure",
                reason.as_deref(),
                Flags::UPSTREAM_CONNECTION_FAILURE,
            ),
            Self::ConnectionTimeout => {
                let flags = Flags::UPSTREAM_CONNECTION_FAILURE;
                upstream_reply(503, "connection timeout", None, flags)
            }
            Self::ConnectionTermination => {
                let flags = Flags::UPSTREAM_CONNECTION_TERMINATION;
                upstream_reply(503, "connection termination", None, flags)
            }
            Self::RemoteReset => {
                upstream_reply(503, "remote reset", None, Flags::UPSTREAM_REMOTE_RESET)
            }
            Self::ProtocolError => {
                upstream_reply(502, "protocol error", None, Flags::UPSTREAM_PROTOCOL_ERROR)
            }
        }
    }
}

/// Returns the answer for requests whose plugin has failed.
#[must_use]
pub(crate) fn failed_plugin() -> LocalReply {
    let mut reply = reply(503, "", "wasm_fail_stream");
    reply.grpc_status = Some(GrpcStatus::Unavailable);
    reply
}

/// Returns a plugin's answer. A status that HTTP does not allow becomes 500.
#[must_use]
pub(crate) fn plugin_status(status: u32) -> StatusCode {
    u16::try_from(status)
        .ok()
        .filter(|status| (200..600).contains(status))
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Returns a local reply as a response: Envoy's rules of gRPC, HEAD, content type and length.
#[must_use]
pub(crate) fn build(reply: &LocalReply, request: &HeaderTable) -> (HeaderTable, Bytes) {
    let mut headers = HeaderTable::from_response(reply.status, HeaderMap::new());
    for (name, value) in &reply.headers {
        if name.first() != Some(&b':') {
            headers.add(name, value);
        }
    }
    let is_head = request.method() == Some(&Method::HEAD);
    if is_grpc_request(request) {
        finish_grpc(&mut headers, reply, is_head);
        return (headers, Bytes::new());
    }
    if reply.body.is_empty() {
        headers.remove(b"content-length");
        headers.remove(b"content-type");
        return (headers, Bytes::new());
    }
    let length = reply.body.len().to_string();
    headers.replace(b"content-length", length.as_bytes());
    if !headers.contains("content-type") {
        headers.add(b"content-type", b"text/plain");
    }
    let body = if is_head {
        Bytes::new()
    } else {
        reply.body.clone()
    };
    (headers, body)
}

fn finish_grpc(headers: &mut HeaderTable, reply: &LocalReply, is_head: bool) {
    headers.set_status(StatusCode::OK);
    headers.replace(b"content-type", b"application/grpc");
    headers.remove(b"content-length");
    if !headers.contains("grpc-status") {
        let mapped = GrpcStatus::from_http(reply.status.as_u16());
        let status = reply.grpc_status.unwrap_or(mapped);
        headers.add(b"grpc-status", (status as u32).to_string().as_bytes());
    }
    if !reply.body.is_empty() && !is_head {
        headers.replace(b"grpc-message", percent_encoded(&reply.body).as_bytes());
    }
}

/// Returns text as gRPC wants it in `grpc-message`.
fn percent_encoded(text: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            // The tilde too, which gRPC would leave as it is: so does Envoy.
            b'%' | 0..=0x1f | b'~'..=0xff => encoded.push_str(&format!("%{byte:02X}")),
            0x20..=0x7d => encoded.push(char::from(byte)),
        }
    }
    encoded
}

fn reply(status: u16, body: &'static str, details: impl Into<Cow<'static, str>>) -> LocalReply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    LocalReply::new(status, body, details)
}

/// Envoy answers 504 for a timeout that cannot be the client's fault any more.
fn timeout_status(request_complete: bool) -> u16 {
    if request_complete { 504 } else { 408 }
}

fn headers_too_large(details: &'static str) -> LocalReply {
    reply(431, "Request Header Fields Too Large", details)
        .with_flags(Flags::DOWNSTREAM_PROTOCOL_ERROR)
}

fn upstream_reply(
    status: u16,
    reset: &str,
    transport_failure: Option<&str>,
    flags: Flags,
) -> LocalReply {
    let body =
        format!("upstream connect error or disconnect/reset before headers. reset reason: {reset}");
    let mut details = reset.replace(' ', "_");
    // The client is not told what the transport said: that is for the access log.
    if let Some(reason) = transport_failure {
        details.push_str(&format!("|{}", reason.replace(char::is_whitespace, "_")));
    }
    let details = format!("upstream_reset_before_response_started{{{details}}}");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    LocalReply::new(status, body, details).with_flags(flags)
}

fn header_fault(missing: u16, fault: &HeaderFault, side: &str) -> LocalReply {
    let text = fault.to_string();
    let (status, kind) = match fault {
        HeaderFault::Missing(_) => (missing, "removed_required"),
        HeaderFault::IllegalName(_) | HeaderFault::IllegalValue(_) => (500, "wrote_illegal"),
    };
    let reason = text.replace(char::is_whitespace, "_");
    let details = format!("filter_{kind}_{side}_headers{{{reason}}}");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    LocalReply::new(status, text, details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::request;

    fn text(headers: &HeaderTable) -> String {
        headers.to_string()
    }

    fn grpc() -> HeaderTable {
        request("a", "/", &[("content-type", "application/grpc+proto")])
    }

    fn head() -> HeaderTable {
        let mut headers = request("a", "/", &[]);
        headers.set_method(Method::HEAD);
        headers
    }

    #[test]
    fn a_body_has_a_type_and_a_length() {
        let answer = StreamError::NoHealthyUpstream.to_local_reply();
        let (headers, body) = build(&answer, &request("a", "/", &[]));
        assert_eq!(
            text(&headers),
            ":status: 503\ncontent-length: 19\ncontent-type: text/plain\n"
        );
        assert_eq!(body, "no healthy upstream");
    }

    #[test]
    fn a_type_that_was_given_stays() {
        let answer = LocalReply::new(StatusCode::OK, "{}", "direct_response")
            .with_header("content-type", "application/json")
            .with_header("content-length", "99");
        let (headers, _) = build(&answer, &request("a", "/", &[]));
        assert_eq!(
            headers.get("content-type"),
            Some(b"application/json".as_slice())
        );
        assert_eq!(headers.get("content-length"), Some(b"2".as_slice()));
    }

    #[test]
    fn without_body_there_is_neither_type_nor_length() {
        let answer = LocalReply::new(StatusCode::FORBIDDEN, "", "x")
            .with_header("content-type", "application/json")
            .with_header(":status", "200")
            .with_header("x-a", "1");
        let (headers, body) = build(&answer, &request("a", "/", &[]));
        assert_eq!(text(&headers), ":status: 403\nx-a: 1\n");
        assert!(body.is_empty());
    }

    #[test]
    fn head_gets_the_headers_alone() {
        let answer = StreamError::NoHealthyUpstream.to_local_reply();
        let (headers, body) = build(&answer, &head());
        assert_eq!(headers.get("content-length"), Some(b"19".as_slice()));
        assert!(body.is_empty());
    }

    #[test]
    fn grpc_gets_a_status_and_a_message_in_headers() {
        let answer = LocalReply::new(StatusCode::FORBIDDEN, "no: 100%\n", "x");
        let (headers, body) = build(&answer, &grpc());
        assert_eq!(
            text(&headers),
            ":status: 200\ncontent-type: application/grpc\ngrpc-status: 7\n\
             grpc-message: no: 100%25%0A\n"
        );
        assert!(body.is_empty());
    }

    #[test]
    fn a_failed_plugin_is_unavailable() {
        let (headers, body) = build(&failed_plugin(), &grpc());
        assert_eq!(headers.get("grpc-status"), Some(b"14".as_slice()));
        assert!(!headers.contains("grpc-message") && body.is_empty());
        assert_eq!(failed_plugin().details, "wasm_fail_stream");
    }

    #[test]
    fn a_status_that_http_does_not_allow_becomes_500() {
        let codes =
            [0, 99, 200, 599, 600, 1000, u32::MAX].map(|status| plugin_status(status).as_u16());
        assert_eq!(codes, [500, 500, 200, 599, 500, 500, 500]);
    }

    #[test]
    fn a_failed_connection_is_told_to_the_log_in_detail() {
        let reason = Some("delayed connect error: Connection refused".to_owned());
        let reset = UpstreamReset::ConnectionFailure(reason);
        let answer = StreamError::UpstreamReset(reset).to_local_reply();
        assert_eq!(
            answer.body,
            "upstream connect error or disconnect/reset before headers. reset reason: \
             remote connection failure"
        );
        assert_eq!(
            answer.details,
            "upstream_reset_before_response_started{remote_connection_failure|\
             delayed_connect_error:_Connection_refused}"
        );
        assert_eq!(answer.flags, Flags::UPSTREAM_CONNECTION_FAILURE);
    }

    #[test]
    fn a_timeout_blames_the_client_only_while_the_request_arrives() {
        for (request_complete, status) in [(false, 408), (true, 504)] {
            let idle = StreamError::StreamIdle { request_complete }.to_local_reply();
            let slow = StreamError::RequestTimeout { request_complete }.to_local_reply();
            assert_eq!(
                (idle.status.as_u16(), slow.status.as_u16()),
                (status, status)
            );
            assert_eq!(idle.flags.to_string(), "SI");
        }
    }

    #[test]
    fn missing_headers_are_named() {
        let fault = HeaderFault::Missing(crate::filter::PseudoHeader::Method);
        let answer = StreamError::RequestHeaders(fault).to_local_reply();
        assert_eq!(
            (answer.status.as_u16(), answer.flags.to_string().as_str()),
            (503, "DPE")
        );
        assert_eq!(answer.body, "missing required header: :method");
        assert_eq!(
            answer.details,
            "filter_removed_required_request_headers{missing_required_header:_:method}"
        );
    }

    #[test]
    fn illegal_headers_fail_the_stream() {
        let fault = HeaderFault::IllegalName("a b".to_owned());
        let answer = StreamError::ResponseHeaders(fault).to_local_reply();
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.body, "illegal header name `a b`");
    }
}
