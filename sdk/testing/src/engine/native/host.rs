//! Host: the hostcalls of a native filter, answered as the runtime answers a module's.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use tollgate::native::LocalReply;
use tollgate_abi::{GrpcStatus, MetricType, Status, StreamType, pairs, property};
use tollgate_runtime::{
    Direction, HttpCallResponse, HttpHost, LocalResponse, PropertyResult, PropertyValue, StreamMap,
};

use super::access::{Access, MapAccess};
use crate::model::{Stream, World};

/// Contexts, the callback that runs, and what the filter asked for in it.
pub(crate) struct NativeHost {
    pub(super) world: Rc<World>,
    pub(super) streams: RefCell<BTreeMap<u32, StreamEntry>>,
    pub(super) configuration: RefCell<Option<Vec<u8>>>,
    /// The context whose callback runs, and the one that hostcalls act on.
    pub(super) current: Cell<u32>,
    pub(super) effective: Cell<u32>,
    pub(super) effects: RefCell<Vec<Effect>>,
    pub(super) callout: RefCell<Option<HttpCallResponse>>,
    pub(super) metrics: RefCell<Vec<Metric>>,
    pub(super) last_token: Cell<u32>,
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

/// A metric by its place in the list.
pub(crate) struct Metric {
    pub(super) kind: MetricType,
    pub(super) name: String,
    pub(super) value: u64,
}

pub(super) const BAD_ARGUMENT: u32 = Status::BadArgument.to_u32();
pub(super) const NOT_FOUND: u32 = Status::NotFound.to_u32();

impl NativeHost {
    pub(super) fn new(world: Rc<World>) -> Self {
        Self {
            world,
            streams: RefCell::default(),
            configuration: RefCell::default(),
            current: Cell::new(0),
            effective: Cell::new(0),
            effects: RefCell::default(),
            callout: RefCell::default(),
            metrics: RefCell::default(),
            last_token: Cell::new(0),
        }
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
            [b"plugin_root_id" | b"plugin_vm_id"] => return Ok(PropertyValue::text("")),
            _ => {}
        }
        let of_stream = self.acting().map(|entry| entry.stream.property(&parts));
        match of_stream {
            Some(Ok(value)) => Ok(value),
            _ => tollgate_runtime::HostServices::property(&*self.world, &parts),
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

    pub(super) fn find_metric(&self, id: u32, change: impl FnOnce(&mut Metric)) -> Result<(), u32> {
        let index = usize::try_from(id >> 2)
            .ok()
            .and_then(|place| place.checked_sub(1));
        let mut metrics = self.metrics.borrow_mut();
        let metric = index
            .and_then(|index| metrics.get_mut(index))
            .ok_or(NOT_FOUND)?;
        // The same name is the same metric, however often it is defined.
        let (kind, name) = (metric.kind, metric.name.clone());
        let first = metrics
            .iter_mut()
            .find(|metric| metric.kind == kind && metric.name == name);
        first.map(change).ok_or(NOT_FOUND)
    }
}

pub(super) fn direction(stream: StreamType) -> Result<Direction, u32> {
    match stream {
        StreamType::HttpRequest => Ok(Direction::Request),
        StreamType::HttpResponse => Ok(Direction::Response),
        StreamType::Downstream | StreamType::Upstream => Err(Status::Unimplemented.to_u32()),
    }
}
