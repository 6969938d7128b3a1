//! What a module does when a stream ends, by its own word.

use super::Module;

/// The custom section in which a module says what `proxy_on_delete` of a stream does.
pub(super) const SECTION: &str = "tollgate_stream_end";

/// Nothing but to free memory.
pub(super) const SILENT: &[u8] = b"silent";

/// What a module may hear of a stream after the headers of its request, apart from its deletion.
const LATER: [&str; 7] = [
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_done",
    "proxy_on_log",
];

/// What is answered later.
const CALLOUTS: [&str; 4] = [
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "envoy_resolve_dns",
];

impl Module {
    /// Returns whether an HTTP stream whose request headers have passed means nothing more to the
    /// module: it hears of nothing later but `proxy_on_delete`, asks for nothing that is answered
    /// later, and its custom section `tollgate_stream_end` says `silent`: that to delete a stream
    /// only frees memory. Then an instance that is the stream's own need not wait for its end.
    #[must_use]
    pub fn needs_only_request_headers(&self) -> bool {
        self.shared.ends_silently
            && !LATER.iter().any(|name| self.has_callback(name))
            && !CALLOUTS.iter().any(|name| self.has_import(name))
    }
}
