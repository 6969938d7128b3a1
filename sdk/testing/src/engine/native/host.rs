//! Host: the hostcalls of a native filter, answered as the runtime answers a module's.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use tollgate::native::LocalReply;
use tollgate_abi::{GrpcStatus, Status, StreamType, pairs, property};
use tollgate_runtime::{
    Direction, HostServices, HttpCallResponse, HttpHost, LocalResponse, PropertyResult,
    PropertyValue, StreamMap,
};

use super::access::{Access, MapAccess};
use super::{BAD_ARGUMENT, NOT_FOUND, Native};
use crate::fault::Answer;
use crate::model::{Reading, Stream, Worker};

/// Contexts, the callback that runs, and what the filter asked for in it.
pub(crate) struct NativeHost {
    pub(super) worker: Worker,
    pub(super) streams: RefCell<BTreeMap<u32, StreamEntry>>,
    pub(super) configuration: RefCell<Option<Vec<u8>>>,
    /// The context whose callback runs, and the one that hostcalls act on.
    pub(super) current: Cell<u32>,
    pub(super) effective: Cell<u32>,
    pub(super) effects: RefCell<Vec<Effect>>,
    pub(super) callout: RefCell<Option<HttpCallResponse>>,
    pub(super) last_token: Cell<u32>,
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

/// What happens after the callback.
pub(crate) enum Effect {
    Continue(u32, Direction),
    Close(u32),
    Reply(u32, LocalResponse),
}

/// The hostcall whose response may come before it returns.
pub(super) const HTTP_CALL: &str = "proxy_http_call";

impl NativeHost {
    pub(super) fn new(worker: Worker) -> Self {
        Self {
            worker,
            streams: RefCell::default(),
            configuration: RefCell::default(),
            current: Cell::new(0),
            effective: Cell::new(0),
            effects: RefCell::default(),
            callout: RefCell::default(),
            last_token: Cell::new(0),
            called_back: RefCell::default(),
            calls_back: Cell::new(false),
            wants_call_back: Cell::new(false),
        }
    }

    /// Counts a hostcall. Returns what it is to answer instead: the bytes of one that returns any;
    /// the error is a status.
    pub(super) fn injected(&self, hostcall: &'static str) -> Result<Option<Vec<u8>>, u32> {
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
        let of_stream = self.acting().map(|entry| entry.stream.property(&parts));
        match of_stream {
            Some(Ok(value)) => Ok(value),
            _ => self.worker.property(&parts),
        }
    }

    pub(super) fn reply(&self, reply: &LocalReply<'_>) {
        let headers = pairs::decode(reply.headers).unwrap_or_default();
        let headers = headers
            .into_iter()
            .filter(|(name, _)| !name.starts_with(b":"))
            .map(|(name, value)| {
                (
                    name.to_ascii_lowercase().into(),
                    Bytes::copy_from_slice(value),
                )
            });
        let details = String::from_utf8_lossy(reply.details);
        let response = LocalResponse {
            status: reply.status,
            details: details.split_whitespace().collect::<Vec<_>>().join("_"),
            body: Bytes::copy_from_slice(reply.body),
            headers: headers.collect(),
            grpc_status: GrpcStatus::try_from(reply.grpc_status).ok(),
        };
        self.effects
            .borrow_mut()
            .push(Effect::Reply(self.effective.get(), response));
    }

    pub(super) fn resume(&self, stream: StreamType) -> Result<(), u32> {
        let direction = direction(stream)?;
        let id = self.effective.get();
        // Envoy closes the request's maps at once, whichever direction goes on.
        self.change_access(id, |access| access.release(Direction::Request));
        self.effects
            .borrow_mut()
            .push(Effect::Continue(id, direction));
        Ok(())
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

pub(super) fn direction(stream: StreamType) -> Result<Direction, u32> {
    match stream {
        StreamType::HttpRequest => Ok(Direction::Request),
        StreamType::HttpResponse => Ok(Direction::Response),
        StreamType::Downstream | StreamType::Upstream => Err(Status::Unimplemented.to_u32()),
    }
}
