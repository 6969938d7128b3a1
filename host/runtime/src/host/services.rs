//! `HostServices`: what a VM needs from its embedder apart from streams.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{LogLevel, Status};

use super::{Header, PropertyResult};
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

/// What a VM needs from its embedder apart from streams: log, clocks, entropy, timers, callouts.
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

    /// Looks up a property that exists outside streams, such as `xds.node`.
    ///
    /// # Errors
    ///
    /// The status to give the guest, usually `NotFound`.
    fn property(&self, path: &[&[u8]]) -> PropertyResult;
}
