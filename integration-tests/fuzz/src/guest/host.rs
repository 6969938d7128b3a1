//! A host whose answers the fuzzer writes.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use tollgate::native::{
    GrpcCallArguments, HostResult, HttpCallArguments, LocalReply, ServiceHost, StreamHost, Vm,
};
use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, StreamType, pairs};

use crate::Source;

/// The host.
pub(crate) struct AnyHost {
    source: Rc<Source>,
    vm: RefCell<Weak<Vm>>,
    depth: Cell<u32>,
    tokens: Cell<u32>,
    nanos: Cell<u64>,
}

impl AnyHost {
    pub(crate) fn new(source: Rc<Source>) -> Self {
        Self {
            source,
            vm: RefCell::default(),
            depth: Cell::new(0),
            tokens: Cell::new(0),
            nanos: Cell::new(0),
        }
    }

    /// Lets some hostcalls come back to this VM.
    pub(crate) fn calls_back(&self, vm: &Rc<Vm>) {
        self.vm.replace(Rc::downgrade(vm));
    }

    /// A status, known or not, or the value; now and then a callback comes first.
    fn answer<T>(&self, value: impl FnOnce(&Source) -> T) -> HostResult<T> {
        let kind = self.source.below(16);
        if kind == 1 && self.depth.get() < 2 {
            let vm = self.vm.borrow().upgrade();
            self.depth.set(self.depth.get() + 1);
            if let Some(vm) = vm {
                super::step(&vm, &self.source, &mut 6);
            }
            self.depth.set(self.depth.get() - 1);
        }
        match kind {
            2 => Err(1),
            3 => Err(self.source.number() | 1),
            _ => Ok(value(&self.source)),
        }
    }

    fn done(&self) -> HostResult<()> {
        self.answer(|_| ())
    }

    fn bytes(&self) -> HostResult<Vec<u8>> {
        self.answer(Source::some_bytes)
    }

    fn token(&self) -> HostResult<u32> {
        self.tokens.set(self.tokens.get() + 1);
        let token = self.tokens.get();
        self.answer(|_| token)
    }
}

impl StreamHost for AnyHost {
    fn property(&self, _path: &[u8]) -> HostResult<Vec<u8>> {
        self.bytes()
    }
    fn set_property(&self, _path: &[u8], _value: &[u8]) -> HostResult<()> {
        self.done()
    }
    fn map_value(&self, _map: MapType, _name: &[u8]) -> HostResult<Vec<u8>> {
        self.bytes()
    }
    fn map_pairs(&self, _map: MapType) -> HostResult<Vec<u8>> {
        self.answer(|source| match source.flag() {
            true => pairs::encode([(source.some_bytes(), source.some_bytes())].iter().cloned()),
            false => source.some_bytes(),
        })
    }
    fn map_add(&self, _map: MapType, _name: &[u8], _value: &[u8]) -> HostResult<()> {
        self.done()
    }
    fn map_replace(&self, _map: MapType, _name: &[u8], _value: &[u8]) -> HostResult<()> {
        self.done()
    }
    fn map_remove(&self, _map: MapType, _name: &[u8]) -> HostResult<()> {
        self.done()
    }
    fn buffer_bytes(&self, _buffer: BufferType, _start: usize, _max: usize) -> HostResult<Vec<u8>> {
        self.bytes()
    }
    fn set_buffer_bytes(
        &self,
        _buffer: BufferType,
        _start: usize,
        _size: usize,
        _data: &[u8],
    ) -> HostResult<()> {
        self.done()
    }
    fn continue_stream(&self, _stream: StreamType) -> HostResult<()> {
        self.done()
    }
    fn close_stream(&self, _stream: StreamType) -> HostResult<()> {
        self.done()
    }
    fn send_local_response(&self, _reply: &LocalReply<'_>) -> HostResult<()> {
        self.done()
    }
    fn set_map_pairs(&self, _map: MapType, encoded: &[u8]) -> HostResult<()> {
        assert!(
            pairs::decode(encoded).is_ok(),
            "the SDK writes what is no map"
        );
        self.done()
    }
}

impl ServiceHost for AnyHost {
    fn log(&self, _level: LogLevel, _message: &[u8]) {}
    fn log_level(&self) -> u32 {
        0
    }
    fn current_time_nanos(&self) -> u64 {
        // Clocks may also go back.
        let step = u64::from(self.source.byte()) * 1_000_000;
        self.nanos.set(self.nanos.get().wrapping_add(step));
        self.nanos.get()
    }
    fn set_tick_period(&self, _millis: u32) -> HostResult<()> {
        self.done()
    }
    fn set_effective_context(&self, _context: u32) -> HostResult<()> {
        self.done()
    }
    fn shared_data(&self, _key: &[u8]) -> HostResult<(Vec<u8>, u32)> {
        self.answer(|source| (source.some_bytes(), source.number()))
    }
    fn set_shared_data(&self, _key: &[u8], _value: &[u8], _cas: u32) -> HostResult<()> {
        self.done()
    }
    fn define_metric(&self, _kind: MetricType, _name: &[u8]) -> HostResult<u32> {
        self.answer(Source::number)
    }
    fn increment_metric(&self, _id: u32, _offset: i64) -> HostResult<()> {
        self.done()
    }
    fn record_metric(&self, _id: u32, _value: u64) -> HostResult<()> {
        self.done()
    }
    fn metric(&self, _id: u32) -> HostResult<u64> {
        self.answer(Source::long)
    }
    fn http_call(&self, call: &HttpCallArguments<'_>) -> HostResult<u32> {
        assert!(
            pairs::decode(call.headers).is_ok(),
            "the SDK writes what is no map"
        );
        self.token()
    }
    fn dequeue_shared_queue(&self, _queue: u32) -> HostResult<Vec<u8>> {
        self.bytes()
    }
    fn call_foreign_function(&self, _name: &[u8], _arguments: &[u8]) -> HostResult<Vec<u8>> {
        self.bytes()
    }
    fn status(&self) -> HostResult<(u32, Vec<u8>)> {
        self.answer(|source| (source.number(), source.some_bytes()))
    }
    fn done(&self) -> HostResult<()> {
        Self::done(self)
    }
    fn resolve_dns(&self, _name: &[u8]) -> HostResult<u32> {
        self.token()
    }
    fn grpc_call(&self, _call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        self.token()
    }
    fn grpc_stream(&self, _call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        self.token()
    }
    fn grpc_send(&self, _token: u32, _message: &[u8], _end_of_stream: bool) -> HostResult<()> {
        self.done()
    }
    fn grpc_cancel(&self, _token: u32) -> HostResult<()> {
        self.done()
    }
    fn grpc_close(&self, _token: u32) -> HostResult<()> {
        self.done()
    }
}
