//! Native: the filter's code in the test's own process, on the SDK's thread-local host.

mod access;
mod callouts;
mod foreign;
mod grpc;
mod host;
mod http;
mod services;
mod streams;
mod tcp;

use std::cell::Cell;
use std::rc::Rc;

use tollgate::native::{Event, Host, Registration, Vm};
use tollgate::{HttpFilter, Service, StreamFilter};
use tollgate_abi::{LogLevel, Status};
use tollgate_runtime::{
    ContextId, Direction, HostServices, HttpCallResponse, HttpHost, ResolvedAddress, TcpHost,
    TcpPeer,
};

use self::host::{Effect, NativeHost};
use super::{Engine, Fault, StartFailure};
use crate::model::{Connection, GrpcDelivery, Happening, Stream, Worker};

/// The id of the only root context.
const ROOT: u32 = 1;

/// One native VM with one plugin.
pub(crate) struct Native {
    host: Rc<NativeHost>,
    vm: Vm,
    last_context: Cell<u32>,
    /// How many callbacks run: more than one when a hostcall calls back.
    depth: Cell<usize>,
    is_shut_down: Cell<bool>,
}

impl Native {
    pub(crate) fn of_http_filter<F: HttpFilter>(worker: Worker) -> Rc<Self> {
        Self::new(worker, Vm::new::<F>)
    }

    pub(crate) fn of_stream_filter<F: StreamFilter>(worker: Worker) -> Rc<Self> {
        Self::new(worker, Vm::of_stream_filter::<F>)
    }

    pub(crate) fn of_service<S: Service>(worker: Worker) -> Rc<Self> {
        Self::new(worker, Vm::of_service::<S>)
    }

    pub(crate) fn of_plugins(worker: Worker, plugins: &Rc<[Registration]>) -> Rc<Self> {
        Self::new(worker, |host| Vm::of_plugins(host, Rc::clone(plugins)))
    }

    fn new(worker: Worker, make: impl FnOnce(Rc<dyn Host>) -> Vm) -> Rc<Self> {
        let host = Rc::new(NativeHost::new(worker));
        let vm = make(Rc::clone(&host) as Rc<dyn Host>);
        let native = Rc::new(Self {
            host,
            vm,
            last_context: Cell::new(ROOT),
            depth: Cell::new(0),
            is_shut_down: Cell::new(false),
        });
        *native.host.called_back.borrow_mut() = Rc::downgrade(&native);
        native
    }

    /// Runs a callback; its context is the one that hostcalls act on.
    fn call<R>(&self, context: u32, run: impl FnOnce(&Vm) -> R) -> R {
        let current = self.host.current.replace(context);
        let effective = self.host.effective.replace(context);
        if self.depth.replace(self.depth.get() + 1) == 0 {
            self.host.hostcalls.set(0);
        }
        let result = run(&self.vm);
        self.depth.set(self.depth.get() - 1);
        self.host.current.set(current);
        self.host.effective.set(effective);
        result
    }

    /// Runs a callback of the root and does what it asked for.
    fn call_root<R>(&self, run: impl FnOnce(&Vm) -> R) -> R {
        let result = self.call(ROOT, run);
        self.run_effects(ROOT);
        result
    }

    fn next_context(&self) -> u32 {
        let id = self.last_context.get() + 1;
        self.last_context.set(id);
        id
    }

    /// Does what the filter asked for, in its order, and says what of it concerned `stream`. What
    /// was asked for within another callback waits for that.
    fn run_effects(&self, stream: u32) -> Done {
        let mut done = Done::default();
        if self.depth.get() > 0 {
            return done;
        }
        for effect in self.host.effects.take() {
            done.note(stream, &effect);
            self.run_effect(effect);
        }
        done
    }

    fn run_effect(&self, effect: Effect) {
        match effect {
            Effect::Continue(id, direction) => {
                self.with_stream(id, |stream| stream.continue_stream(direction));
            }
            Effect::Close(id) => self.with_stream(id, Stream::close_stream),
            Effect::Reply(id, response) => {
                self.with_stream(id, |stream| stream.send_local_response(response));
            }
            Effect::ContinueDownstream(id) => {
                self.with_connection(id, Connection::continue_downstream);
            }
            Effect::CloseConnection(id) => {
                self.with_connection(id, |connection| connection.close(TcpPeer::Downstream));
            }
            Effect::DeleteRoot => self.delete_root(),
        }
    }

    fn with_stream(&self, id: u32, act: impl FnOnce(&Stream)) {
        if let Some(stream) = self.stream(id) {
            act(&stream);
        }
    }

    /// A connection that has ended is left alone.
    fn with_connection(&self, id: u32, act: impl FnOnce(&Connection)) {
        let entry = self.host.connections.borrow().get(&id).cloned();
        if let Some(entry) = entry.filter(|entry| !entry.has_ended) {
            act(&entry.connection);
        }
    }

    fn delete_root(&self) {
        self.is_shut_down.set(true);
        self.call(ROOT, |vm| vm.on_delete(ROOT));
        HostServices::set_tick_period(&self.host.worker, ContextId(ROOT), None);
    }

    fn stream(&self, id: u32) -> Option<Rc<Stream>> {
        let streams = self.host.streams.borrow();
        streams.get(&id).map(|entry| Rc::clone(&entry.stream))
    }

    /// What a hostcall that calls back does: a tick, and every response that is on its way.
    fn call_back(&self) {
        self.call_root(|vm| vm.on_tick(ROOT));
        let worker = &self.host.worker;
        for happening in worker.world.schedule.take_responses(worker.index) {
            if let Happening::Response { token, response } = happening {
                self.respond(token, response);
            }
        }
    }

    fn respond(&self, token: u32, response: HttpCallResponse) {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let (headers, body, trailers) = match &response {
            HttpCallResponse::Complete {
                headers,
                body,
                trailers,
            } => (count(headers.len()), body.len(), count(trailers.len())),
            HttpCallResponse::Reset => (0, 0, 0),
        };
        let before = self.host.callout.replace(Some(response));
        self.call_root(|vm| vm.on_http_call_response(token, headers, body, trailers));
        self.host.callout.replace(before);
    }
}

/// What of a callback's effects concerned its own stream.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    replied: bool,
    resumed_request: bool,
    resumed_response: bool,
    resumed_downstream: bool,
}

impl Done {
    fn note(&mut self, stream: u32, effect: &Effect) {
        match effect {
            Effect::Continue(id, Direction::Request) => self.resumed_request |= *id == stream,
            Effect::Continue(id, Direction::Response) => self.resumed_response |= *id == stream,
            Effect::ContinueDownstream(id) => self.resumed_downstream |= *id == stream,
            Effect::Reply(id, _) => self.replied |= *id == stream,
            Effect::Close(_) | Effect::CloseConnection(_) | Effect::DeleteRoot => {}
        }
    }

    const fn resumed(self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.resumed_request,
            Direction::Response => self.resumed_response,
        }
    }
}

impl Engine for Native {
    fn start(&self, configuration: &str) -> Result<(), StartFailure> {
        let configuration = configuration.as_bytes().to_vec();
        self.host.configuration.replace(Some(configuration));
        self.call_root(|vm| vm.on_context_create(ROOT, 0));
        let accepted = self.call_root(|vm| vm.on_configure(ROOT));
        self.host.configuration.replace(None);
        if accepted {
            return Ok(());
        }
        let log = self.host.worker.world.log.borrow();
        let mut lines = log.iter().rev();
        let reason = lines.find(|(level, _)| *level == LogLevel::Critical);
        Err(StartFailure::Refused(reason.map_or_else(
            || "the plugin refused to start".to_owned(),
            |(_, line)| line.clone(),
        )))
    }

    fn on_tick(&self) -> Result<(), Fault> {
        self.call_root(|vm| vm.on_tick(ROOT));
        Ok(())
    }

    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault> {
        self.respond(token, response);
        Ok(())
    }

    fn on_grpc(&self, token: u32, delivery: GrpcDelivery) -> Result<(), Fault> {
        self.deliver_grpc(token, delivery);
        Ok(())
    }

    fn on_resolve_dns(
        &self,
        token: u32,
        addresses: Option<&[ResolvedAddress]>,
    ) -> Result<(), Fault> {
        self.deliver_addresses(token, addresses);
        Ok(())
    }

    fn on_queue_ready(&self, queue: u32) -> Result<(), Fault> {
        self.call_root(|vm| vm.on_event(ROOT, Event::QueueReady { queue }));
        Ok(())
    }

    fn shut_down(&self) -> Result<bool, Fault> {
        if self.is_shut_down.get() {
            return Ok(true);
        }
        let is_done = self.call(ROOT, |vm| vm.on_done(ROOT));
        self.host.awaits_done.set(!is_done);
        self.run_effects(ROOT);
        if is_done {
            self.delete_root();
        }
        Ok(self.is_shut_down.get())
    }

    fn streams(&self) -> usize {
        let roots = usize::from(!self.is_shut_down.get());
        self.vm.contexts().saturating_sub(roots)
    }

    fn awaited(&self) -> usize {
        self.vm.callouts() + self.vm.grpc_callouts()
    }

    fn fuel(&self) -> Option<u64> {
        None
    }
}

const BAD_ARGUMENT: u32 = Status::BadArgument.to_u32();
const NOT_FOUND: u32 = Status::NotFound.to_u32();
