//! Inline headers: the names that Envoy keeps once per map, joining repeated values with a comma.

/// Returns whether a request holds this header at most once.
pub(super) fn is_inline_request_header(name: &str) -> bool {
    is_inline_either_way(name)
        || is_inline_forwarding_header(name)
        || matches!(
            name,
            "accept"
                | "accept-encoding"
                | "access-control-request-headers"
                | "access-control-request-method"
                | "access-control-request-private-network"
                | "authorization"
                | "cdn-loop"
                | "expect"
                | "grpc-accept-encoding"
                | "grpc-timeout"
                | "if-match"
                | "if-modified-since"
                | "if-none-match"
                | "if-range"
                | "if-unmodified-since"
                | "origin"
                | "pragma"
                | "referer"
                | "te"
                | "user-agent"
                | "x-client-trace-id"
        )
}

fn is_inline_either_way(name: &str) -> bool {
    matches!(
        name,
        "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-status"
            | "transfer-encoding"
            | "upgrade"
            | "via"
            | "x-envoy-attempt-count"
            | "x-envoy-decorator-operation"
            | "x-request-id"
    )
}

fn is_inline_forwarding_header(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("x-") else {
        return false;
    };
    matches!(
        rest,
        "forwarded-client-cert"
            | "forwarded-for"
            | "forwarded-host"
            | "forwarded-port"
            | "forwarded-proto"
            | "envoy-downstream-service-cluster"
            | "envoy-downstream-service-node"
            | "envoy-expected-rq-timeout-ms"
            | "envoy-external-address"
            | "envoy-force-trace"
            | "envoy-hedge-on-per-try-timeout"
            | "envoy-internal"
            | "envoy-ip-tags"
            | "envoy-is-timeout-retry"
            | "envoy-max-retries"
            | "envoy-original-host"
            | "envoy-original-path"
            | "envoy-original-url"
            | "envoy-retriable-header-names"
            | "envoy-retriable-status-codes"
            | "envoy-retry-grpc-on"
            | "envoy-retry-on"
            | "envoy-upstream-alt-stat-name"
            | "envoy-upstream-rq-per-try-timeout-ms"
            | "envoy-upstream-rq-timeout-alt-response"
            | "envoy-upstream-rq-timeout-ms"
            | "envoy-upstream-stream-duration-ms"
    )
}

/// Returns whether a response holds this header at most once.
pub(super) fn is_inline_response_header(name: &str) -> bool {
    is_inline_either_way(name)
        || matches!(
            name,
            "access-control-allow-credentials"
                | "access-control-allow-headers"
                | "access-control-allow-methods"
                | "access-control-allow-origin"
                | "access-control-allow-private-network"
                | "access-control-expose-headers"
                | "access-control-max-age"
                | "age"
                | "date"
                | "etag"
                | "expires"
                | "grpc-message"
                | "grpc-status"
                | "last-modified"
                | "location"
                | "server"
                | "vary"
                | "x-envoy-degraded"
                | "x-envoy-immediate-health-check-fail"
                | "x-envoy-ratelimited"
                | "x-envoy-upstream-canary"
                | "x-envoy-upstream-healthchecked-cluster"
                | "x-envoy-upstream-service-time"
        )
}
