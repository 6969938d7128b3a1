//! A host whose every answer a test decides, with a record of what it was asked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tollgate::native::{
    GrpcCallArguments, GrpcEvent, Host, HostResult, HttpCallArguments, LocalReply, ServiceHost,
    StreamHost, Vm,
};
use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, StreamType, pairs};

/// What hosts answer that do not know something.
const NOT_FOUND: u32 = 1;

/// The host.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) nanos: Cell<u64>,
    pub(crate) period: Cell<Option<u32>>,
    pub(crate) periods: Cell<u32>,
    /// When the period is over.
    due: Cell<u64>,
    pub(crate) context: Cell<u32>,
    /// The body of whatever is answered next.
    pub(crate) body: RefCell<Vec<u8>>,
    pub(crate) buffers: RefCell<Vec<(BufferType, Vec<u8>)>>,
    pub(crate) calls: RefCell<Vec<String>>,
    tokens: Cell<u32>,
}

impl Desk {
    pub(crate) fn new() -> Rc<Self> {
        Rc::default()
    }

    pub(crate) fn note(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }

    /// Takes what was noted.
    pub(crate) fn noted(&self) -> Vec<String> {
        self.calls.take()
    }

    fn token(&self) -> u32 {
        self.tokens.set(self.tokens.get() + 1);
        self.tokens.get()
    }

    fn begin_period(&self) {
        let period = u64::from(self.period.get().unwrap_or(0));
        self.due.set(self.nanos.get() + period * 1_000_000);
    }

    /// Lets time pass and ticks come, as often as there are any.
    pub(crate) fn pass(&self, vm: &Vm, root: u32, millis: u64) {
        let end = self.nanos.get() + millis * 1_000_000;
        while self.due.get() <= end && self.period.get().unwrap_or(0) > 0 {
            self.nanos.set(self.due.get());
            self.begin_period();
            vm.on_tick(root);
        }
        self.nanos.set(end);
    }

    /// Answers an HTTP callout.
    pub(crate) fn answer(&self, vm: &Vm, token: u32, body: &str) {
        self.body.replace(body.as_bytes().to_vec());
        vm.on_http_call_response(token, 1, body.len(), 0);
    }

    /// Sends a message to a gRPC callout.
    pub(crate) fn message(&self, vm: &Vm, token: u32, message: &[u8]) {
        self.body.replace(message.to_vec());
        let size = message.len();
        vm.on_grpc(token, GrpcEvent::Message { size });
    }
}

/// A VM of this host.
pub(crate) fn host(desk: &Rc<Desk>) -> Rc<dyn Host> {
    Rc::clone(desk) as Rc<dyn Host>
}

impl StreamHost for Desk {
    fn property(&self, path: &[u8]) -> HostResult<Vec<u8>> {
        self.note(format!("property {}", path.escape_ascii()));
        Err(NOT_FOUND)
    }
    fn set_property(&self, _path: &[u8], _value: &[u8]) -> HostResult<()> {
        Ok(())
    }
    fn map_value(&self, _map: MapType, _name: &[u8]) -> HostResult<Vec<u8>> {
        Err(NOT_FOUND)
    }
    fn map_pairs(&self, _map: MapType) -> HostResult<Vec<u8>> {
        Ok(pairs::encode([(":status", "200")]))
    }
    fn map_add(&self, _map: MapType, _name: &[u8], _value: &[u8]) -> HostResult<()> {
        Ok(())
    }
    fn map_replace(&self, _map: MapType, name: &[u8], value: &[u8]) -> HostResult<()> {
        let (context, name, value) = (
            self.context.get(),
            name.escape_ascii(),
            value.escape_ascii(),
        );
        self.note(format!("{context}: {name}={value}"));
        Ok(())
    }
    fn map_remove(&self, _map: MapType, _name: &[u8]) -> HostResult<()> {
        Ok(())
    }
    fn buffer_bytes(&self, buffer: BufferType, _start: usize, _max: usize) -> HostResult<Vec<u8>> {
        let buffers = self.buffers.borrow();
        let own = buffers.iter().find(|(other, _)| *other == buffer);
        Ok(own.map_or_else(|| self.body.borrow().clone(), |(_, bytes)| bytes.clone()))
    }
    fn set_buffer_bytes(
        &self,
        _buffer: BufferType,
        start: usize,
        size: usize,
        data: &[u8],
    ) -> HostResult<()> {
        let place = match (start, size) {
            (0, 0) => "before",
            (0, _) => "instead",
            _ => "behind",
        };
        self.note(format!("{place}: {}", data.escape_ascii()));
        Ok(())
    }
    fn continue_stream(&self, stream: StreamType) -> HostResult<()> {
        self.note(format!("{}: continue {stream:?}", self.context.get()));
        Ok(())
    }
    fn close_stream(&self, stream: StreamType) -> HostResult<()> {
        self.note(format!("{}: close {stream:?}", self.context.get()));
        Ok(())
    }
    fn send_local_response(&self, reply: &LocalReply<'_>) -> HostResult<()> {
        self.note(format!("{}: reply {}", self.context.get(), reply.status));
        Ok(())
    }
}

impl ServiceHost for Desk {
    fn log(&self, _level: LogLevel, message: &[u8]) {
        self.note(format!("log {}", message.escape_ascii()));
    }
    fn log_level(&self) -> u32 {
        0
    }
    fn current_time_nanos(&self) -> u64 {
        self.nanos.get()
    }
    fn set_tick_period(&self, millis: u32) -> HostResult<()> {
        self.period.set(Some(millis));
        self.begin_period();
        self.periods.set(self.periods.get() + 1);
        Ok(())
    }
    fn set_effective_context(&self, context: u32) -> HostResult<()> {
        self.context.set(context);
        Ok(())
    }
    fn shared_data(&self, _key: &[u8]) -> HostResult<(Vec<u8>, u32)> {
        Err(NOT_FOUND)
    }
    fn set_shared_data(&self, _key: &[u8], _value: &[u8], _cas: u32) -> HostResult<()> {
        Ok(())
    }
    fn define_metric(&self, _kind: MetricType, _name: &[u8]) -> HostResult<u32> {
        Ok(0)
    }
    fn increment_metric(&self, _id: u32, _offset: i64) -> HostResult<()> {
        Ok(())
    }
    fn record_metric(&self, _id: u32, _value: u64) -> HostResult<()> {
        Ok(())
    }
    fn metric(&self, _id: u32) -> HostResult<u64> {
        Ok(0)
    }
    fn http_call(&self, _call: &HttpCallArguments<'_>) -> HostResult<u32> {
        let token = self.token();
        self.note(format!("call {token}"));
        Ok(token)
    }
    fn done(&self) -> HostResult<()> {
        self.note(format!("{}: done", self.context.get()));
        Ok(())
    }
    fn call_foreign_function(&self, name: &[u8], _arguments: &[u8]) -> HostResult<Vec<u8>> {
        self.note(format!("function {}", name.escape_ascii()));
        Ok(b"result".to_vec())
    }
    fn status(&self) -> HostResult<(u32, Vec<u8>)> {
        Ok((0, b"why".to_vec()))
    }
    fn grpc_call(&self, _call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        Ok(self.token())
    }
    fn grpc_stream(&self, _call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        Ok(self.token())
    }
    fn grpc_send(&self, token: u32, message: &[u8], end_of_stream: bool) -> HostResult<()> {
        let message = message.escape_ascii();
        self.note(format!("send {token} {message} {end_of_stream}"));
        Ok(())
    }
    fn grpc_cancel(&self, token: u32) -> HostResult<()> {
        self.note(format!("cancel {token}"));
        Ok(())
    }
    fn grpc_close(&self, token: u32) -> HostResult<()> {
        self.note(format!("close {token}"));
        Ok(())
    }
}
