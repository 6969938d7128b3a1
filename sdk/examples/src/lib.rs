//! Small filters, one for each part of the SDK, in one module.
//!
//! The plugin's `root_id` chooses the filter. Each file can be read by itself.
#![forbid(unsafe_code)]

pub mod access_log;
#[cfg(doctest)]
mod book;
pub mod ext_auth;
pub mod header_auth;
pub mod queue_worker;
pub mod rate_limit;
pub mod rewrite_body;
pub mod scan_body;
pub mod stream_body;
pub mod tcp_gate;

use access_log::AccessLog;
use ext_auth::ExtAuth;
use header_auth::HeaderAuth;
use queue_worker::QueueWorker;
use rate_limit::RateLimit;
use rewrite_body::RewriteBody;
use scan_body::ScanBody;
use stream_body::StreamBody;
use tcp_gate::TcpGate;

tollgate::plugins! {
    "access-log" => AccessLog,
    "ext-auth" => ExtAuth,
    "header-auth" => HeaderAuth,
    "queue-worker" => QueueWorker,
    "rate-limit" => RateLimit,
    "rewrite-body" => RewriteBody,
    "scan-body" => ScanBody,
    "stream-body" => StreamBody,
    "tcp-gate" => TcpGate,
}
