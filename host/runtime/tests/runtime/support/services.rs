//! Services: an embedder that writes down what is asked of it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcStream, HostServices, HttpCall, LogOrigin,
    PropertyResult, PropertyValue, QueueNotifier,
};

/// A log line: prefix, level, text.
pub(crate) type Line = (String, LogLevel, Vec<u8>);

#[derive(Default)]
pub(crate) struct Services {
    pub(crate) lines: RefCell<Vec<Line>>,
    pub(crate) ticks: RefCell<Vec<(ContextId, Option<Duration>)>>,
    pub(crate) calls: RefCell<Vec<(ContextId, u32, HttpCall)>>,
    pub(crate) queue_news: Arc<Mutex<Vec<(ContextId, u32)>>>,
    pub(crate) grpc_calls: RefCell<Vec<(ContextId, u32, GrpcCall)>>,
    pub(crate) grpc_streams: RefCell<Vec<(ContextId, u32, GrpcStream)>>,
    /// What was done to gRPC streams, and names to be looked up.
    pub(crate) done: RefCell<Vec<String>>,
    pub(crate) now: Cell<u64>,
    pub(crate) refuses_calls: Cell<Option<Status>>,
    /// Limits that the guest was kept within.
    pub(crate) limits_hit: RefCell<Vec<&'static str>>,
}

#[derive(Debug)]
struct Notifier {
    root: ContextId,
    news: Arc<Mutex<Vec<(ContextId, u32)>>>,
}

impl QueueNotifier for Notifier {
    fn notify(&self, token: u32) {
        self.news.lock().push((self.root, token));
    }
}

impl Services {
    fn permit(&self) -> Result<(), CalloutRefusal> {
        let Some(status) = self.refuses_calls.get() else {
            return Ok(());
        };
        Err(CalloutRefusal {
            status,
            reason: "refused by the test".to_owned(),
        })
    }

    fn did(&self, what: String) {
        self.done.borrow_mut().push(what);
    }

    /// Takes all lines as texts: numbers of `$say` as numbers, the rest as it is.
    pub(crate) fn take_said(&self) -> Vec<String> {
        let lines = self.lines.take();
        lines
            .into_iter()
            .map(
                |(_, level, text)| match (level, <[u8; 4]>::try_from(text.as_slice())) {
                    (LogLevel::Trace, Ok(number)) => i32::from_le_bytes(number).to_string(),
                    _ => text.escape_ascii().to_string(),
                },
            )
            .collect()
    }
}

impl Services {
    /// The number of milliseconds that the guest has asked for last.
    pub(crate) fn last_tick_period(&self) -> u32 {
        let ticks = self.ticks.borrow();
        let period = ticks.last().and_then(|(_, period)| *period);
        period.map_or(0, |period| u32::try_from(period.as_millis()).unwrap())
    }
}

impl HostServices for Services {
    fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        self.lines
            .borrow_mut()
            .push((origin.to_string(), level, message.to_vec()));
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(LogLevel::Warn)
    }

    fn realtime_nanos(&self) -> u64 {
        self.now.get()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(7);
    }

    fn set_tick_period(&self, root: ContextId, period: Option<Duration>) {
        self.ticks.borrow_mut().push((root, period));
    }

    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        self.permit()?;
        self.calls.borrow_mut().push((root, token, call));
        Ok(())
    }

    fn queue_notifier(&self, root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        let news = Arc::clone(&self.queue_news);
        Some(Arc::new(Notifier { root, news }))
    }

    fn call_foreign_function(
        &self,
        name: &[u8],
        arguments: &[u8],
    ) -> Option<Result<Vec<u8>, Status>> {
        match name {
            b"double" => Some(Ok([arguments, arguments].concat())),
            b"refuse" => Some(Err(Status::Unimplemented)),
            _ => None,
        }
    }

    fn has_cluster(&self, name: &str) -> bool {
        name == "cluster"
    }

    fn start_grpc_call(
        &self,
        root: ContextId,
        token: u32,
        call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        self.permit()?;
        self.grpc_calls.borrow_mut().push((root, token, call));
        Ok(())
    }

    fn start_grpc_stream(
        &self,
        root: ContextId,
        token: u32,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        self.permit()?;
        self.grpc_streams.borrow_mut().push((root, token, stream));
        Ok(())
    }

    fn send_grpc_message(
        &self,
        token: u32,
        message: Bytes,
        end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        self.permit()?;
        let end = if end_of_stream { " and end" } else { "" };
        self.did(format!("send {token} {}{end}", message.escape_ascii()));
        Ok(())
    }

    fn close_grpc_stream(&self, token: u32) {
        self.did(format!("close {token}"));
    }

    fn cancel_grpc(&self, token: u32) {
        self.did(format!("cancel {token}"));
    }

    fn resolve_dns(&self, _root: ContextId, token: u32, name: &str) -> Result<(), CalloutRefusal> {
        self.permit()?;
        self.did(format!("resolve {token} {name}"));
        Ok(())
    }

    fn limit_hit(&self, limit: &'static str) {
        self.limits_hit.borrow_mut().push(limit);
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        match path {
            [b"xds", b"node"] => Ok(PropertyValue::text("node")),
            _ => Err(Status::NotFound),
        }
    }
}
