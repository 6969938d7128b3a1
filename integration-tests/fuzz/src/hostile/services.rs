//! Services of a VM: scripts for the guest, answers as the bytes say.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcStream, HostServices, HttpCall, LogOrigin,
    PropertyResult, PropertyValue, QueueNotifier,
};

use crate::Source;

/// Callouts: whose, and their tokens.
pub(super) type Callouts = RefCell<Vec<(ContextId, u32)>>;

/// The embedder of one input.
#[derive(Debug)]
pub(crate) struct Services {
    pub(super) source: Rc<Source>,
    /// Whether the guest's start function is left in peace, so that more than it can be reached.
    pub(super) is_quiet: Cell<bool>,
    /// Callouts that have not ended, by their kind.
    pub(super) http_calls: Callouts,
    pub(super) grpc_calls: Callouts,
    pub(super) lookups: Callouts,
    sender: Sender<(ContextId, u32)>,
    /// News of queues, for a root and with a token.
    pub(super) news: Receiver<(ContextId, u32)>,
}

/// Posts news of queues.
#[derive(Debug)]
struct Notifier {
    root: ContextId,
    sender: Sender<(ContextId, u32)>,
}

impl QueueNotifier for Notifier {
    fn notify(&self, token: u32) {
        let _ = self.sender.send((self.root, token));
    }
}

impl Services {
    pub(crate) fn new(source: Rc<Source>) -> Self {
        let (sender, news) = mpsc::channel();
        Self {
            sender,
            news,
            source,
            is_quiet: Cell::new(false),
            http_calls: Callouts::default(),
            grpc_calls: Callouts::default(),
            lookups: Callouts::default(),
        }
    }

    /// Remembers a callout, or refuses it now and then.
    fn start(&self, kind: &Callouts, root: ContextId, token: u32) -> Result<(), CalloutRefusal> {
        self.refuse()?;
        kind.borrow_mut().push((root, token));
        Ok(())
    }

    fn refuse(&self) -> Result<(), CalloutRefusal> {
        let status = match self.source.below(8) {
            0 => Status::BadArgument,
            1 => Status::InternalFailure,
            _ => return Ok(()),
        };
        let reason = "as the bytes say".to_owned();
        Err(CalloutRefusal { status, reason })
    }
}

impl HostServices for Services {
    fn log(&self, origin: LogOrigin<'_>, _: LogLevel, message: &[u8]) {
        let _ = (origin.to_string(), message.len());
    }

    fn log_level(&self) -> Option<LogLevel> {
        match self.source.below(3) {
            0 => None,
            1 => Some(LogLevel::Trace),
            _ => Some(LogLevel::Critical),
        }
    }

    fn realtime_nanos(&self) -> u64 {
        self.source.long()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.source.long()
    }

    fn fill_random(&self, out: &mut [u8]) {
        if !self.is_quiet.get() {
            self.source.fill(out);
        }
    }

    fn queue_notifier(&self, root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        let sender = self.sender.clone();
        Some(Arc::new(Notifier { root, sender }))
    }

    fn set_tick_period(&self, _: ContextId, _: Option<Duration>) {}

    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        _: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        self.start(&self.http_calls, root, token)
    }

    fn has_cluster(&self, name: &str) -> bool {
        name == "origin"
    }

    fn start_grpc_call(
        &self,
        root: ContextId,
        token: u32,
        _: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        self.start(&self.grpc_calls, root, token)
    }

    fn start_grpc_stream(
        &self,
        root: ContextId,
        token: u32,
        _: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        self.start(&self.grpc_calls, root, token)
    }

    fn send_grpc_message(&self, token: u32, _: Bytes, _: bool) -> Result<(), CalloutRefusal> {
        let calls = self.grpc_calls.borrow();
        assert!(
            calls.iter().any(|(_, known)| *known == token),
            "a message for a stream that has ended"
        );
        self.refuse()
    }

    fn close_grpc_stream(&self, token: u32) {
        let calls = self.grpc_calls.borrow();
        assert!(
            calls.iter().any(|(_, known)| *known == token),
            "an end for a stream that has ended"
        );
    }

    fn cancel_grpc(&self, token: u32) {
        self.grpc_calls
            .borrow_mut()
            .retain(|(_, known)| *known != token);
    }

    fn resolve_dns(&self, root: ContextId, token: u32, _: &str) -> Result<(), CalloutRefusal> {
        self.start(&self.lookups, root, token)
    }

    fn call_foreign_function(
        &self,
        _name: &[u8],
        arguments: &[u8],
    ) -> Option<Result<Vec<u8>, Status>> {
        match self.source.below(8) {
            0 => Some(Ok(arguments.to_vec())),
            1 => Some(Err(Status::InternalFailure)),
            _ => None,
        }
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        property(&self.source, path)
    }
}

/// A property of any kind, or none.
pub(super) fn property(source: &Source, path: &[&[u8]]) -> PropertyResult {
    match source.below(8) {
        0 => Ok(PropertyValue::Bytes(path.concat())),
        1 => Ok(PropertyValue::Uint(source.long())),
        2 => Ok(PropertyValue::Map(vec![(
            source.some_bytes(),
            PropertyValue::List(vec![PropertyValue::Bool(true), PropertyValue::Null]),
        )])),
        3 => Ok(PropertyValue::Double(f64::NAN)),
        4 => Ok(PropertyValue::Message(source.some_bytes())),
        5 => Err(Status::SerializationFailure),
        6 => Ok(PropertyValue::Null),
        _ => Err(Status::NotFound),
    }
}
