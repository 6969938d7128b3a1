//! Hosts that answer what no host should: the SDK must neither panic nor lose a request.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

use tollgate::http;
use tollgate::native::{
    Event, HostResult, HttpCallArguments, LocalReply, Part, ServiceHost, StreamHost, Vm,
};
use tollgate::prelude::*;
use tollgate_abi::{BufferType, LogLevel, MapType, MetricType, StreamType, pairs};

struct Asker;

impl Plugin for Asker {
    const NAME: &'static str = "asker";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Asker {
    type State = Farewell;

    async fn request(&self, ex: &mut Exchange<Farewell>) -> Result<(), Reject> {
        let _names = ex.headers()?.iter().count();
        let first = http::get("a", "/").send().await?;
        let second = http::get("b", "/").send().await?;
        Ok(ex.set_header("x-status", (first.status() + second.status()).to_string())?)
    }
}

/// Calls its host when it ends, as a filter's own `Drop` may.
#[derive(Default)]
struct Farewell;

impl Drop for Farewell {
    fn drop(&mut self) {
        log::error!("farewell");
    }
}

type Entry = (Vec<u8>, Vec<u8>);

/// What a host does to the filter.
#[derive(Default)]
struct Odd {
    /// Every stream call answers this number, if it is not 0.
    status: u32,
    /// A callout's response comes before the callout's hostcall returns.
    answers_at_once: bool,
    /// Each line of the log comes with so many new streams, all of them number 2.
    creates: Cell<u32>,
    vm: OnceCell<Weak<Vm>>,
    tokens: Cell<u32>,
    replies: RefCell<Vec<u32>>,
    headers: RefCell<Vec<Entry>>,
    resumed: Cell<u32>,
}

impl Odd {
    fn answer<T>(&self, value: T) -> HostResult<T> {
        if self.status == 0 {
            Ok(value)
        } else {
            Err(self.status)
        }
    }
}

impl StreamHost for Odd {
    fn property(&self, _path: &[u8]) -> HostResult<Vec<u8>> {
        self.answer(Vec::new())
    }
    fn set_property(&self, _path: &[u8], _value: &[u8]) -> HostResult<()> {
        self.answer(())
    }
    fn map_value(&self, _map: MapType, _name: &[u8]) -> HostResult<Vec<u8>> {
        self.answer(Vec::new())
    }
    fn map_pairs(&self, map: MapType) -> HostResult<Vec<u8>> {
        self.answer(match map {
            MapType::HttpCallResponseHeaders => pairs::encode([(":status", "200")]),
            _ => vec![0xff; 13],
        })
    }
    fn map_add(&self, _map: MapType, _name: &[u8], _value: &[u8]) -> HostResult<()> {
        self.answer(())
    }
    fn map_replace(&self, _map: MapType, name: &[u8], value: &[u8]) -> HostResult<()> {
        self.headers
            .borrow_mut()
            .push((name.to_vec(), value.to_vec()));
        self.answer(())
    }
    fn map_remove(&self, _map: MapType, _name: &[u8]) -> HostResult<()> {
        self.answer(())
    }
    fn buffer_bytes(&self, _buffer: BufferType, _start: usize, _max: usize) -> HostResult<Vec<u8>> {
        self.answer(Vec::new())
    }
    fn set_buffer_bytes(
        &self,
        _buffer: BufferType,
        _start: usize,
        _size: usize,
        _data: &[u8],
    ) -> HostResult<()> {
        self.answer(())
    }
    fn continue_stream(&self, _stream: StreamType) -> HostResult<()> {
        self.resumed.set(self.resumed.get() + 1);
        self.answer(())
    }
    fn close_stream(&self, _stream: StreamType) -> HostResult<()> {
        self.answer(())
    }
    fn send_local_response(&self, reply: &LocalReply<'_>) -> HostResult<()> {
        self.replies.borrow_mut().push(reply.status);
        self.answer(())
    }
}

impl ServiceHost for Odd {
    fn log(&self, _level: LogLevel, _message: &[u8]) {
        let Some(left) = self.creates.get().checked_sub(1) else {
            return;
        };
        self.creates.set(left);
        if let Some(vm) = self.vm.get().and_then(Weak::upgrade) {
            vm.on_context_create(2, 1);
        }
    }
    fn log_level(&self) -> u32 {
        77
    }
    fn current_time_nanos(&self) -> u64 {
        0
    }
    fn set_tick_period(&self, _millis: u32) -> HostResult<()> {
        self.answer(())
    }
    fn set_effective_context(&self, _context: u32) -> HostResult<()> {
        self.answer(())
    }
    fn shared_data(&self, _key: &[u8]) -> HostResult<(Vec<u8>, u32)> {
        self.answer((Vec::new(), 0))
    }
    fn set_shared_data(&self, _key: &[u8], _value: &[u8], _cas: u32) -> HostResult<()> {
        self.answer(())
    }
    fn define_metric(&self, _kind: MetricType, _name: &[u8]) -> HostResult<u32> {
        self.answer(0)
    }
    fn increment_metric(&self, _id: u32, _offset: i64) -> HostResult<()> {
        self.answer(())
    }
    fn record_metric(&self, _id: u32, _value: u64) -> HostResult<()> {
        self.answer(())
    }
    fn metric(&self, _id: u32) -> HostResult<u64> {
        self.answer(0)
    }
    fn http_call(&self, _call: &HttpCallArguments<'_>) -> HostResult<u32> {
        let token = self.tokens.get() + 1;
        self.tokens.set(token);
        if self.answers_at_once {
            let vm = self.vm.get().and_then(Weak::upgrade).unwrap();
            vm.on_http_call_response(token, 1, 0, 0);
        }
        self.answer(token)
    }
}

/// A configured filter with one stream, whose request's headers have arrived.
fn request_on(host: Odd) -> (Rc<Odd>, Rc<Vm>, u32) {
    let host = Rc::new(host);
    let vm = Rc::new(Vm::new::<Asker>(
        Rc::clone(&host) as Rc<dyn tollgate::native::Host>
    ));
    assert!(host.vm.set(Rc::downgrade(&vm)).is_ok());
    vm.on_context_create(1, 0);
    assert!(vm.on_configure(1));
    vm.on_context_create(2, 1);
    let action = vm.on_event(2, Event::RequestHeaders(Part::new(0, true)));
    (host, vm, action)
}

#[test]
fn an_unknown_status_rejects_the_request() {
    let (host, _vm, action) = request_on(Odd {
        status: 4_000_000_000,
        ..Odd::default()
    });
    assert_ne!(action, 0);
    assert_eq!(*host.replies.borrow(), [500]);
}

#[test]
fn a_response_that_comes_within_its_hostcall_is_not_lost() {
    let (host, vm, action) = request_on(Odd {
        answers_at_once: true,
        ..Odd::default()
    });
    assert_eq!(action, 0, "the handler was ready at once");
    assert_eq!(
        *host.headers.borrow(),
        [(b"x-status".to_vec(), b"400".to_vec())]
    );
    assert_eq!(vm.callouts(), 0);
}

#[test]
fn responses_nobody_awaits_are_ignored() {
    let (host, vm, action) = request_on(Odd::default());
    assert_ne!(action, 0);
    vm.on_http_call_response(999, 1, 0, 0);
    vm.on_event(2, Event::Delete);
    vm.on_delete(2);
    vm.on_http_call_response(1, 1, 0, 0);
    assert_eq!(
        (vm.contexts(), vm.callouts(), host.resumed.get()),
        (1, 0, 0)
    );
}

#[test]
fn each_callout_resumes_its_stream_once_all_are_there() {
    let (host, vm, _) = request_on(Odd::default());
    vm.on_http_call_response(1, 1, 0, 0);
    assert_eq!(host.resumed.get(), 0);
    vm.on_http_call_response(2, 1, 0, 0);
    assert_eq!(host.resumed.get(), 1);
}

#[test]
fn events_of_unknown_contexts_do_nothing() {
    let (_host, vm, _) = request_on(Odd::default());
    assert_eq!(vm.on_event(77, Event::ResponseTrailers), 0);
    assert!(!vm.on_configure(77));
    vm.on_delete(77);
}

#[test]
fn a_stream_that_begins_again_is_there_once() {
    let (host, vm, _) = request_on(Odd::default());
    host.creates.set(3);
    vm.on_context_create(2, 1);
    assert_eq!(
        (vm.contexts(), vm.callouts(), host.creates.get()),
        (2, 0, 0)
    );
    vm.on_delete(2);
    assert_eq!(vm.contexts(), 1);
}
