//! Wasm: the module itself, in the same runtime that Tollgate's proxy uses.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_abi::{DataAction, HeadersAction, NetworkAction, PeerType, TrailersAction};
use tollgate_runtime::{
    ContextId, Direction, HostcallInterceptor, HttpCallResponse, Intercepted, LoadError, Module,
    PluginConfig, ResolvedAddress, SharedState, TcpPeer, Vm, VmConfig,
};

use super::{Engine, Fault, HttpEngine, StartFailure, TcpEngine};
use crate::compiled;
use crate::fault::Answer;
use crate::model::{Connection, GrpcDelivery, Stream, Worker, World};

/// One VM with one plugin.
pub(crate) struct Wasm {
    module: Module,
    worker: Rc<Worker>,
    vm: RefCell<Option<Vm>>,
    root: Cell<ContextId>,
}

impl Wasm {
    /// Compiles a module, or takes it from those this process has compiled.
    pub(crate) fn load(path: &Path, worker: Worker) -> Result<Self, Fault> {
        Ok(Self {
            module: compiled::module(path)?,
            worker: Rc::new(worker),
            vm: RefCell::new(None),
            root: Cell::new(ContextId(0)),
        })
    }

    fn with<R>(
        &self,
        run: impl FnOnce(&mut Vm) -> Result<R, tollgate_runtime::Fault>,
    ) -> Result<R, Fault> {
        let mut vm = self.vm.borrow_mut();
        let vm = vm.as_mut().ok_or("the plugin is not started")?;
        run(vm).map_err(|fault| fault.to_string())
    }

    fn world(&self) -> &World {
        &self.worker.world
    }

    fn new_vm(&self) -> Result<Vm, LoadError> {
        let configuration = self.world().plugin.borrow().vm_configuration.clone();
        let config = VmConfig {
            configuration: Bytes::from(configuration),
            ..VmConfig::default()
        };
        let shared: Arc<SharedState> = Arc::clone(&self.world().shared);
        let services: Rc<Worker> = Rc::clone(&self.worker);
        let mut vm = Vm::new(&self.module, config, shared, services)?;
        let world = Rc::clone(&self.worker.world);
        vm.intercept_hostcalls(Rc::new(Interceptor { world }));
        Ok(vm)
    }
}

/// Injects into the hostcalls of a module.
struct Interceptor {
    world: Rc<World>,
}

impl HostcallInterceptor for Interceptor {
    fn intercept(&self, hostcall: &'static str) -> Option<Intercepted> {
        match self.world.injections.answer(hostcall)? {
            Answer::Status(status) => Some(Intercepted::Status(status)),
            Answer::Bytes(bytes) => Some(Intercepted::Bytes(bytes)),
            Answer::Block { address, size } => Some(Intercepted::Block { address, size }),
            // A module is never entered while it makes a hostcall.
            Answer::CallBack => None,
        }
    }
}

fn failure(error: &LoadError) -> StartFailure {
    let text = error.to_string();
    match error {
        LoadError::StartRefused { .. } | LoadError::ConfigureRefused { .. } => {
            StartFailure::Refused(text)
        }
        _ => StartFailure::Crashed(text),
    }
}

impl Engine for Wasm {
    fn start(&self, configuration: &str) -> Result<(), StartFailure> {
        let plugin = self.world().plugin.borrow();
        let plugin = PluginConfig {
            name: "plugin".to_owned(),
            root_id: plugin.root_id.clone(),
            configuration: Bytes::from(configuration.to_owned()),
            allow_on_headers_stop_iteration: plugin.allows_stop_iteration,
        };
        let mut vm = self.new_vm().map_err(|error| failure(&error))?;
        let root = vm.start_plugin(plugin);
        *self.vm.borrow_mut() = Some(vm);
        self.root.set(root.map_err(|error| failure(&error))?);
        Ok(())
    }

    fn on_tick(&self) -> Result<(), Fault> {
        self.with(|vm| vm.on_tick(self.root.get()))
    }

    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault> {
        self.with(|vm| vm.on_http_call_response(self.root.get(), token, response))
    }

    fn on_grpc(&self, token: u32, delivery: GrpcDelivery) -> Result<(), Fault> {
        let root = self.root.get();
        self.with(|vm| match delivery {
            GrpcDelivery::InitialMetadata(metadata) => {
                vm.on_grpc_receive_initial_metadata(root, token, metadata)
            }
            GrpcDelivery::Message(message) => vm.on_grpc_receive(root, token, message),
            GrpcDelivery::TrailingMetadata(metadata) => {
                vm.on_grpc_receive_trailing_metadata(root, token, metadata)
            }
            GrpcDelivery::Close { status, message } => {
                vm.on_grpc_close(root, token, status, &message)
            }
        })
    }

    fn on_resolve_dns(
        &self,
        token: u32,
        addresses: Option<&[ResolvedAddress]>,
    ) -> Result<(), Fault> {
        self.with(|vm| vm.on_resolve_dns(self.root.get(), token, addresses))
    }

    fn on_queue_ready(&self, token: u32) -> Result<(), Fault> {
        self.with(|vm| vm.on_queue_ready(self.root.get(), token))
    }

    fn shut_down(&self) -> Result<bool, Fault> {
        self.with(|vm| vm.shut_down(self.root.get()))
    }

    fn streams(&self) -> usize {
        let vm = self.vm.borrow();
        let Some(vm) = vm.as_ref().filter(|vm| !vm.is_failed()) else {
            return 0;
        };
        let roots = usize::from(vm.has_context(self.root.get()));
        vm.context_count().saturating_sub(roots)
    }

    fn awaited(&self) -> usize {
        0
    }

    fn fuel(&self) -> Option<u64> {
        self.vm.borrow().as_ref()?.fuel_consumed()
    }
}

impl HttpEngine for Wasm {
    fn create_stream(&self, stream: Rc<Stream>) -> u32 {
        let mut vm = self.vm.borrow_mut();
        vm.as_mut()
            .map_or(0, |vm| vm.create_http_context(self.root.get(), stream).0)
    }

    fn on_headers(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault> {
        let id = ContextId(stream);
        self.with(|vm| match direction {
            Direction::Request => vm.on_request_headers(id, end_of_stream),
            Direction::Response => vm.on_response_headers(id, end_of_stream),
        })
    }

    fn on_body(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault> {
        let id = ContextId(stream);
        self.with(|vm| match direction {
            Direction::Request => vm.on_request_body(id, end_of_stream),
            Direction::Response => vm.on_response_body(id, end_of_stream),
        })
    }

    fn on_trailers(&self, stream: u32, direction: Direction) -> Result<TrailersAction, Fault> {
        let id = ContextId(stream);
        self.with(|vm| match direction {
            Direction::Request => vm.on_request_trailers(id),
            Direction::Response => vm.on_response_trailers(id),
        })
    }

    fn end_stream(&self, stream: u32) -> Result<(), Fault> {
        let id = ContextId(stream);
        self.with(|vm| {
            let logged = vm.on_log(id);
            let deleted = vm.delete_http_context(id);
            logged.and(deleted)
        })
    }

    fn log_stream(&self, stream: Rc<Stream>) -> Result<(), Fault> {
        self.with(|vm| vm.on_stream_log(self.root.get(), stream))
    }
}

impl TcpEngine for Wasm {
    fn create_connection(&self, connection: Rc<Connection>) -> u32 {
        let mut vm = self.vm.borrow_mut();
        vm.as_mut()
            .map_or(0, |vm| vm.create_tcp_context(self.root.get(), connection).0)
    }

    fn on_new_connection(&self, connection: u32) -> Result<NetworkAction, Fault> {
        self.with(|vm| vm.on_new_connection(ContextId(connection)))
    }

    fn on_data(
        &self,
        connection: u32,
        from: TcpPeer,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        let id = ContextId(connection);
        self.with(|vm| match from {
            TcpPeer::Downstream => vm.on_downstream_data(id, end_of_stream),
            TcpPeer::Upstream => vm.on_upstream_data(id, end_of_stream),
        })
    }

    fn on_close(&self, connection: u32, of: TcpPeer, by: PeerType) -> Result<(), Fault> {
        let id = ContextId(connection);
        self.with(|vm| match of {
            TcpPeer::Downstream => vm.on_downstream_connection_close(id, by),
            TcpPeer::Upstream => vm.on_upstream_connection_close(id, by),
        })
    }

    fn end_connection(&self, connection: u32) -> Result<(), Fault> {
        self.with(|vm| vm.delete_tcp_context(ContextId(connection)))
    }
}
