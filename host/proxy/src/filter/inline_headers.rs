//! Inline headers: the names that Envoy keeps once per map, joining repeated values with a comma.

/// Returns whether a request holds this header at most once.
pub(super) fn is_inline_request_header(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "access-control-request-headers"
            | "access-control-request-method"
            | "authorization"
            | "cache-control"
            | "cdn-loop"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "expect"
            | "grpc-accept-encoding"
            | "grpc-timeout"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "if-range"
            | "if-unmodified-since"
            | "keep-alive"
            | "origin"
            | "pragma"
            | "proxy-connection"
            | "proxy-status"
            | "referer"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "via"
            | "x-client-trace-id"
            | "x-request-id"
    ) || is_inline_forwarding_header(name)
}

fn is_inline_forwarding_header(name: &str) -> bool {
    name.starts_with("x-envoy-")
        || matches!(
            name,
            "x-forwarded-client-cert"
                | "x-forwarded-for"
                | "x-forwarded-host"
                | "x-forwarded-port"
                | "x-forwarded-proto"
        )
}

/// Returns whether a response holds this header at most once.
pub(super) fn is_inline_response_header(name: &str) -> bool {
    matches!(
        name,
        "access-control-allow-credentials"
            | "access-control-allow-headers"
            | "access-control-allow-methods"
            | "access-control-allow-origin"
            | "access-control-expose-headers"
            | "access-control-max-age"
            | "age"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "date"
            | "etag"
            | "expires"
            | "grpc-message"
            | "grpc-status"
            | "keep-alive"
            | "last-modified"
            | "location"
            | "proxy-connection"
            | "proxy-status"
            | "server"
            | "transfer-encoding"
            | "upgrade"
            | "vary"
            | "via"
            | "x-request-id"
    ) || name.starts_with("x-envoy-")
}
