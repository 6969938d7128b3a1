//! Host: the hostcalls of a native filter, answered as the runtime answers a module's.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};

use bytes::Bytes;
use tollgate::native::LocalReply;
use tollgate_abi::{GrpcStatus, Status, StreamType, property};
use tollgate_runtime::{
    Direction, HostServices, HttpCallResponse, HttpHost, LocalResponse, PropertyResult,
    PropertyValue, StreamMap, TcpHost,
};

use super::access::{Access, MapAccess};
use super::callouts::decoded;
use super::{BAD_ARGUMENT, NOT_FOUND, Native};
use crate::fault::Answer;
use crate::model::{Connection, GrpcDelivery, Reading, Stream, Worker};

/// Contexts, the callback that runs, and what the filter asked for in it.
pub(crate) struct NativeHost {
    pub(super) worker: Worker,
    pub(super) streams: RefCell<BTreeMap<u32, StreamEntry>>,
    pub(super) connections: RefCell<BTreeMap<u32, ConnectionEntry>>,
    pub(super) configuration: RefCell<Option<Vec<u8>>>,
    /// The context whose callback runs, and the one that hostcalls act on.
    pub(super) current: Cell<u32>,
    pub(super) effective: Cell<u32>,
    pub(super) effects: RefCell<Vec<Effect>>,
    pub(super) callout: RefCell<Option<HttpCallResponse>>,
    /// What a gRPC or DNS callback delivers.
    pub(super) delivery: RefCell<Option<Delivery>>,
    /// gRPC callouts that are under way.
    pub(super) grpc: RefCell<BTreeSet<u32>>,
    pub(super) last_token: Cell<u32>,
    pub(super) last_grpc: Cell<u32>,
    pub(super) last_dns: Cell<u32>,
    /// How many hostcalls the outermost callback has made.
    pub(super) hostcalls: Cell<usize>,
    /// The root has said that it is not done yet.
    pub(super) awaits_done: Cell<bool>,
    /// Whom a hostcall calls back that is told to.
    pub(super) called_back: RefCell<Weak<Native>>,
    calls_back: Cell<bool>,
    wants_call_back: Cell<bool>,
}

/// A stream that the filter knows.
#[derive(Clone)]
pub(crate) struct StreamEntry {
    pub(super) stream: Rc<Stream>,
    pub(super) access: Access,
}

/// A connection that the filter knows.
#[derive(Clone)]
pub(crate) struct ConnectionEntry {
    pub(super) connection: Rc<Connection>,
    /// Whether data of the client, or of the upstream, may be touched.
    pub(super) opens_downstream: bool,
    pub(super) opens_upstream: bool,
    /// It is closed, so that nothing can be done to it.
    pub(super) has_ended: bool,
}

/// What a callback can read while it runs.
pub(crate) enum Delivery {
    Grpc(GrpcDelivery),
    Addresses(Vec<u8>),
}

/// What happens after the callback.
pub(crate) enum Effect {
    Continue(u32, Direction),
    Close(u32),
    Reply(u32, LocalResponse),
    ContinueDownstream(u32),
    CloseConnection(u32),
    DeleteRoot,
}

/// Most hostcalls of one callback.
const MOST_HOSTCALLS: usize = 1_000_000;

/// The hostcall whose response may come before it returns.
pub(super) const HTTP_CALL: &str = "proxy_http_call";

impl NativeHost {
    pub(super) fn new(worker: Worker) -> Self {
        Self {
            worker,
            streams: RefCell::default(),
            connections: RefCell::default(),
            configuration: RefCell::default(),
            current: Cell::new(0),
            effective: Cell::new(0),
            effects: RefCell::default(),
            callout: RefCell::default(),
            delivery: RefCell::default(),
            grpc: RefCell::default(),
            last_grpc: Cell::new(1),
            last_dns: Cell::new(1),
            last_token: Cell::new(0),
            hostcalls: Cell::new(0),
            awaits_done: Cell::new(false),
            called_back: RefCell::default(),
            calls_back: Cell::new(false),
            wants_call_back: Cell::new(false),
        }
    }

    /// Counts a hostcall. Returns what it is to answer instead: the bytes of one that returns any;
    /// the error is a status.
    pub(super) fn injected(&self, hostcall: &'static str) -> Result<Option<Vec<u8>>, u32> {
        self.count_hostcall();
        match self.worker.world.injections.answer(hostcall) {
            Some(Answer::Status(0)) => Ok(Some(Vec::new())),
            Some(Answer::Status(status)) => Err(status),
            Some(Answer::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Answer::CallBack) => {
                self.wants_call_back.set(hostcall == HTTP_CALL);
                if hostcall != HTTP_CALL {
                    self.call_back();
                }
                Ok(None)
            }
            Some(Answer::Block { .. }) | None => Ok(None),
        }
    }

    /// Fails the test when the callback seems to have no end: natively nothing else can stop it.
    fn count_hostcall(&self) {
        let count = self.hostcalls.get() + 1;
        self.hostcalls.set(count);
        assert!(
            count <= MOST_HOSTCALLS,
            "a callback made {MOST_HOSTCALLS} hostcalls and has no end"
        );
    }

    /// Calls back after a callout has started, so that its own response is among those.
    pub(super) fn call_back_if_wanted(&self) {
        if self.wants_call_back.take() {
            self.call_back();
        }
    }

    fn call_back(&self) {
        let native = self.called_back.borrow().upgrade();
        let Some(native) = native.filter(|_| !self.calls_back.replace(true)) else {
            return;
        };
        native.call_back();
        self.calls_back.set(false);
    }

    /// The stream that hostcalls act on.
    pub(super) fn acting(&self) -> Option<StreamEntry> {
        self.streams.borrow().get(&self.effective.get()).cloned()
    }

    /// The connection that hostcalls act on.
    pub(super) fn acting_connection(&self) -> Option<ConnectionEntry> {
        let connections = self.connections.borrow();
        connections.get(&self.effective.get()).cloned()
    }

    pub(super) fn change_connection(&self, id: u32, change: impl FnOnce(&mut ConnectionEntry)) {
        if let Some(entry) = self.connections.borrow_mut().get_mut(&id) {
            change(entry);
        }
    }

    pub(super) fn defer(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
    }

    pub(super) fn change_access(&self, stream: u32, change: impl FnOnce(&mut Access)) {
        if let Some(entry) = self.streams.borrow_mut().get_mut(&stream) {
            change(&mut entry.access);
        }
    }

    pub(super) fn readable(&self, map: StreamMap) -> Result<Rc<Stream>, u32> {
        let entry = self.acting().ok_or(BAD_ARGUMENT)?;
        match entry.access.map(map, entry.stream.has_map(map)) {
            MapAccess::Write | MapAccess::Read => Ok(entry.stream),
            MapAccess::Create | MapAccess::None if entry.access.is_logging => Err(NOT_FOUND),
            MapAccess::Create | MapAccess::None => Err(BAD_ARGUMENT),
        }
    }

    pub(super) fn writable(&self, map: StreamMap) -> Result<Rc<Stream>, u32> {
        let entry = self.acting().ok_or(BAD_ARGUMENT)?;
        match entry.access.map(map, entry.stream.has_map(map)) {
            MapAccess::Write => Ok(entry.stream),
            MapAccess::Create => {
                let (direction, _) = super::access::key(map);
                let id = self.effective.get();
                self.change_access(id, |access| access.open_trailers(direction));
                Ok(entry.stream)
            }
            MapAccess::Read | MapAccess::None => Err(BAD_ARGUMENT),
        }
    }

    pub(super) fn lookup(&self, path: &[u8]) -> PropertyResult {
        let parts: Vec<&[u8]> = property::split(path).collect();
        match parts.as_slice() {
            [] => return Err(Status::SerializationFailure),
            [b"plugin_name"] => return Ok(PropertyValue::text("plugin")),
            [b"plugin_vm_id"] => return Ok(PropertyValue::text("")),
            [b"plugin_root_id"] => {
                let plugin = self.worker.world.plugin.borrow();
                return Ok(PropertyValue::text(&plugin.root_id));
            }
            _ => {}
        }
        let of_connection = self.acting_connection();
        let of_stream = match (self.acting(), of_connection) {
            (Some(entry), _) => Some(entry.stream.property(&parts)),
            (None, Some(entry)) => Some(entry.connection.property(&parts)),
            (None, None) => None,
        };
        match of_stream {
            Some(Ok(value)) => Ok(value),
            _ => self.worker.property(&parts),
        }
    }

    pub(super) fn reply(&self, reply: &LocalReply<'_>) {
        let mut headers = decoded(reply.headers);
        headers.retain(|(name, _)| !name.starts_with(b":"));
        let details = String::from_utf8_lossy(reply.details);
        let response = LocalResponse {
            status: reply.status,
            details: details.split_whitespace().collect::<Vec<_>>().join("_"),
            body: Bytes::copy_from_slice(reply.body),
            headers,
            grpc_status: GrpcStatus::try_from(reply.grpc_status).ok(),
        };
        self.defer(Effect::Reply(self.effective.get(), response));
    }

    /// Goes on after the callback. Outside such a stream it does nothing.
    pub(super) fn resume(&self, stream: StreamType) -> Result<(), u32> {
        let id = self.effective.get();
        let direction = match stream {
            StreamType::HttpRequest => Direction::Request,
            StreamType::HttpResponse => Direction::Response,
            StreamType::Downstream => {
                self.defer(Effect::ContinueDownstream(id));
                return Ok(());
            }
            StreamType::Upstream => return Err(Status::Unimplemented.to_u32()),
        };
        // Envoy closes the request's maps at once, whichever direction goes on.
        self.change_access(id, |access| access.release(Direction::Request));
        self.defer(Effect::Continue(id, direction));
        Ok(())
    }

    pub(super) fn close(&self, stream: StreamType) {
        let id = self.effective.get();
        self.defer(match stream {
            StreamType::HttpRequest | StreamType::HttpResponse => Effect::Close(id),
            StreamType::Downstream | StreamType::Upstream => Effect::CloseConnection(id),
        });
    }

    pub(super) fn change_metric(
        &self,
        id: u32,
        change: impl FnOnce(&mut Reading),
    ) -> Result<(), u32> {
        let metrics = &self.worker.world.metrics;
        metrics.with(id, change).ok_or(NOT_FOUND)
    }
}
