//! `HostServices`: what a VM needs from its embedder apart from streams.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{LogLevel, Status};

use super::{GrpcCall, GrpcStream, Header, PropertyResult};
use crate::{ContextId, QueueNotifier};

/// Where a guest's log line comes from. Displays as Envoy's prefix: for a stream
/// ` <plugin name> <root id> <vm id>`, for a root ` <root id> <vm id>`, empty parts left out.
#[derive(Clone, Copy, Debug)]
pub struct LogOrigin<'a> {
    /// Name of the plugin; `None` while the VM itself starts, and for root contexts.
    pub plugin_name: Option<&'a str>,
    /// The plugin's root id.
    pub root_id: &'a str,
    /// The VM's id.
    pub vm_id: &'a str,
}

impl fmt::Display for LogOrigin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        [
            self.plugin_name.unwrap_or_default(),
            self.root_id,
            self.vm_id,
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .try_for_each(|part| write!(f, " {part}"))
    }
}

/// An HTTP request that a plugin sends on its own account.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// Name of the cluster.
    pub upstream: String,
    /// Headers with pseudo-headers, as the guest gave them with names in lower case.
    pub headers: Vec<Header>,
    /// Body; `content-length` is the embedder's to set when it is not empty.
    pub body: Bytes,
    /// Time until the response must be complete; `None` waits for ever.
    pub timeout: Option<Duration>,
}

/// How an HTTP callout ended.
#[derive(Clone, Debug)]
pub enum HttpCallResponse {
    /// A response, real or made by the embedder: a timeout is a 504, a connection that cannot be
    /// made a 503, as Envoy's router answers.
    Complete {
        /// Headers, `:status` first.
        headers: Vec<Header>,
        /// The whole body.
        body: Bytes,
        /// Trailers.
        trailers: Vec<Header>,
    },
    /// The upstream broke off after headers, or the body exceeded the limit.
    Reset,
}

/// Why a callout was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalloutRefusal {
    /// What the guest is told: `BadArgument` for its own mistakes, `InternalFailure` otherwise.
    pub status: Status,
    /// What the operator is told.
    pub reason: String,
}

impl CalloutRefusal {
    fn not_supported(what: &str) -> Self {
        Self {
            status: Status::InternalFailure,
            reason: format!("this host has no {what}"),
        }
    }
}

/// What a VM needs from its embedder apart from streams: log, clocks, entropy, timers, callouts.
///
/// What not every embedder has is refused by default.
pub trait HostServices {
    /// Writes a guest's log line. The text is whatever bytes the guest gave.
    fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]);

    /// Returns the level below which log lines are dropped, or `None` when logging is off.
    fn log_level(&self) -> Option<LogLevel>;

    /// Returns nanoseconds since the Unix epoch.
    fn realtime_nanos(&self) -> u64;

    /// Returns nanoseconds of a clock that never goes back.
    fn monotonic_nanos(&self) -> u64;

    /// Fills `out` with unpredictable bytes.
    fn fill_random(&self, out: &mut [u8]);

    /// Sets the period after which, again and again, the embedder calls
    /// [`Vm::on_tick`](crate::Vm::on_tick) for this root; `None` stops it.
    fn set_tick_period(&self, root: ContextId, period: Option<Duration>);

    /// Starts an HTTP callout. When it ends the embedder calls
    /// [`Vm::on_http_call_response`](crate::Vm::on_http_call_response) with the same root and
    /// token, never from within this call.
    ///
    /// # Errors
    ///
    /// When the callout cannot start; the guest then gets no callback.
    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal>;

    /// Returns what tells this root, from any thread, of items in queues that it registers; it
    /// leads to [`Vm::on_queue_ready`](crate::Vm::on_queue_ready), never from within a callback.
    /// `None`, the default, when nobody is to be told.
    fn queue_notifier(&self, _root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        None
    }

    /// Returns whether there is a cluster of this name. Guests may name one where they could say
    /// more about a gRPC service.
    fn has_cluster(&self, _name: &str) -> bool {
        false
    }

    /// Starts a unary gRPC call. The embedder calls [`Vm::on_grpc_receive`](crate::Vm::on_grpc_receive)
    /// when it succeeds and [`Vm::on_grpc_close`](crate::Vm::on_grpc_close) when it does not, once
    /// and never from within this call.
    ///
    /// # Errors
    ///
    /// When the call cannot start. The guest is then told at once, and by `proxy_on_grpc_close`
    /// too unless the mistake is its own, as in Envoy.
    fn start_grpc_call(
        &self,
        _root: ContextId,
        _token: u32,
        _call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        Err(CalloutRefusal::not_supported("gRPC callouts"))
    }

    /// Opens a gRPC stream. The embedder reports what it receives by the `on_grpc_*` methods of
    /// [`Vm`](crate::Vm), [`on_grpc_close`](crate::Vm::on_grpc_close) last and once, never from
    /// within this call.
    ///
    /// # Errors
    ///
    /// As [`start_grpc_call`](Self::start_grpc_call).
    fn start_grpc_stream(
        &self,
        _root: ContextId,
        _token: u32,
        _stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        Err(CalloutRefusal::not_supported("gRPC callouts"))
    }

    /// Sends a message, without gRPC's prefix, on a stream whose end has not been reported; with
    /// `end_of_stream` it is the last. After the last one more are dropped.
    ///
    /// # Errors
    ///
    /// When too much waits to be sent already. Nothing is sent then.
    fn send_grpc_message(
        &self,
        _token: u32,
        _message: Bytes,
        _end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        Err(CalloutRefusal::not_supported("gRPC callouts"))
    }

    /// Says on a stream whose end has not been reported that no message will follow.
    fn close_grpc_stream(&self, _token: u32) {}

    /// Gives up a call or stream; nothing more may be reported of it.
    fn cancel_grpc(&self, _token: u32) {}

    /// Looks up the addresses of a name. The embedder answers by
    /// [`Vm::on_resolve_dns`](crate::Vm::on_resolve_dns), never from within this call.
    ///
    /// # Errors
    ///
    /// When the lookup cannot start; the guest then gets no callback.
    fn resolve_dns(
        &self,
        _root: ContextId,
        _token: u32,
        _name: &str,
    ) -> Result<(), CalloutRefusal> {
        Err(CalloutRefusal::not_supported("DNS lookups"))
    }

    /// Answers a foreign function by its name, or returns `None`, as by default, for one that is left
    /// to the runtime. What is answered here comes before the runtime's own functions.
    fn call_foreign_function(
        &self,
        _name: &[u8],
        _arguments: &[u8],
    ) -> Option<Result<Vec<u8>, Status>> {
        None
    }

    /// Hears that a guest was kept within a limit, by the name of the field of
    /// [`Limits`](crate::Limits) or of what else is limited; for statistics.
    fn limit_hit(&self, _limit: &'static str) {}

    /// Looks up a property that exists outside streams, such as `xds.node`.
    ///
    /// # Errors
    ///
    /// The status to give the guest, usually `NotFound`.
    fn property(&self, path: &[&[u8]]) -> PropertyResult;
}
