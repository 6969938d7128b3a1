//! Wasm: the module itself, in the same runtime that Tollgate's proxy uses.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{DataAction, HeadersAction, TrailersAction};
use tollgate_runtime::{
    ContextId, Direction, Engine as Wasmtime, EngineOptions, HttpCallResponse, MetricValue, Module,
    PluginConfig, SharedState, Vm, VmConfig,
};

use super::{Engine, Fault};
use crate::model::{Stream, World};

/// One VM with one plugin.
pub(crate) struct Wasm {
    module: Module,
    world: Rc<World>,
    vm: RefCell<Option<Vm>>,
    root: Cell<ContextId>,
}

impl Wasm {
    /// Compiles a module, or takes it from those this process has compiled.
    pub(crate) fn load(path: &Path, world: Rc<World>) -> Result<Self, Fault> {
        let module = module(path)?;
        Ok(Self {
            module,
            world,
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
}

/// Tests of one process share an engine, whose deadlines need a thread that counts.
fn engine() -> Result<Wasmtime, Fault> {
    static ENGINE: OnceLock<Result<Wasmtime, Fault>> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            let options = EngineOptions::default();
            let interval: Duration = options.epoch_interval;
            let engine = Wasmtime::new(options).map_err(|error| error.to_string())?;
            let counted = engine.clone();
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(interval);
                    counted.increment_epoch();
                }
            });
            Ok(engine)
        })
        .clone()
}

/// Compiled modules by path: many tests use one.
fn module(path: &Path) -> Result<Module, Fault> {
    #[expect(clippy::disallowed_types, reason = "a poisoned cache is still a cache")]
    static MODULES: LazyLock<std::sync::Mutex<HashMap<PathBuf, Module>>> =
        LazyLock::new(std::sync::Mutex::default);
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let module =
        Module::new(&engine()?, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    modules.insert(path.to_path_buf(), module.clone());
    Ok(module)
}

impl Engine for Wasm {
    fn start(&self, configuration: &str) -> Result<(), Fault> {
        let shared: Arc<SharedState> = Arc::clone(&self.world.shared);
        let services = Rc::clone(&self.world) as Rc<dyn tollgate_runtime::HostServices>;
        let mut vm = Vm::new(&self.module, VmConfig::default(), shared, services)
            .map_err(|error| error.to_string())?;
        let plugin = PluginConfig {
            name: "plugin".to_owned(),
            configuration: Bytes::from(configuration.to_owned()),
            ..PluginConfig::default()
        };
        let root = vm.start_plugin(plugin).map_err(|error| error.to_string());
        *self.vm.borrow_mut() = Some(vm);
        self.root.set(root?);
        Ok(())
    }

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

    fn on_tick(&self) -> Result<(), Fault> {
        self.with(|vm| vm.on_tick(self.root.get()))
    }

    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault> {
        self.with(|vm| vm.on_http_call_response(self.root.get(), token, response))
    }

    fn metric(&self, name: &str) -> Option<u64> {
        let metrics = self.world.shared.metrics().snapshot();
        metrics
            .into_iter()
            .find(|metric| metric.name == name)
            .and_then(|metric| match metric.value {
                MetricValue::Counter(value) | MetricValue::Gauge(value) => Some(value),
                MetricValue::Histogram(histogram) => Some(histogram.count),
                _ => None,
            })
    }

    fn streams(&self) -> usize {
        self.vm
            .borrow()
            .as_ref()
            .map_or(0, |vm| vm.context_count().saturating_sub(1))
    }
}
