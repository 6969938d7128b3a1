//! Support: guests from short texts, an embedder made of vectors, and both put together.

mod connection;
mod guest;
mod services;
mod stream;

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_runtime::{
    ContextId, Engine, EngineOptions, LoadError, Module, PluginConfig, SharedState, Vm, VmConfig,
};

pub(crate) use connection::FakeConnection;
pub(crate) use guest::{callback, module_text, on_request_headers, wat};
pub(crate) use services::Services;
pub(crate) use stream::{FakeStream, Map, header};

pub(crate) fn engine() -> Engine {
    Engine::new(EngineOptions::default()).unwrap()
}

/// Compiles a whole module text.
pub(crate) fn compile(text: &str) -> Result<Module, LoadError> {
    Module::new(&engine(), &::wat::parse_str(text).unwrap())
}

pub(crate) fn vm_config() -> VmConfig {
    VmConfig {
        vm_id: "vm".to_owned(),
        configuration: Bytes::from_static(b"vm configuration"),
        ..VmConfig::default()
    }
}

pub(crate) fn plugin_config() -> PluginConfig {
    PluginConfig {
        name: "plugin".to_owned(),
        root_id: "root".to_owned(),
        configuration: Bytes::from_static(b"plugin configuration"),
        ..PluginConfig::default()
    }
}

/// A started plugin with its embedder.
pub(crate) struct Plugin {
    pub(crate) vm: Vm,
    pub(crate) root: ContextId,
    pub(crate) services: Rc<Services>,
}

/// Makes a VM of a whole module text, without a plugin.
pub(crate) fn vm_of(text: &str, config: VmConfig) -> Result<(Vm, Rc<Services>), LoadError> {
    let services = Rc::new(Services::default());
    let host: Rc<Services> = Rc::clone(&services);
    let vm = Vm::new(&compile(text)?, config, Arc::default(), host)?;
    Ok((vm, services))
}

/// Starts a plugin whose callbacks are `body`, with the prelude of [`wat`].
pub(crate) fn start(body: &str) -> Plugin {
    start_with(body, vm_config(), plugin_config()).unwrap()
}

pub(crate) fn start_with(
    body: &str,
    vm: VmConfig,
    plugin: PluginConfig,
) -> Result<Plugin, LoadError> {
    let module = compile(&wat(body))?;
    start_module(&module, vm, plugin, Arc::default())
}

pub(crate) fn start_module(
    module: &Module,
    vm: VmConfig,
    plugin: PluginConfig,
    shared: Arc<SharedState>,
) -> Result<Plugin, LoadError> {
    let services = Rc::new(Services::default());
    let host: Rc<Services> = Rc::clone(&services);
    let mut vm = Vm::new(module, vm, shared, host)?;
    let root = vm.start_plugin(plugin)?;
    Ok(Plugin { vm, root, services })
}

impl Plugin {
    /// Adds a stream with these request headers.
    pub(crate) fn stream(&mut self, headers: &[(&str, &str)]) -> (ContextId, Rc<FakeStream>) {
        let stream = Rc::new(FakeStream::with_request(headers));
        let host: Rc<FakeStream> = Rc::clone(&stream);
        (self.vm.create_http_context(self.root, host), stream)
    }

    /// Adds a TCP connection.
    pub(crate) fn connection(&mut self) -> (ContextId, Rc<FakeConnection>) {
        let connection = Rc::new(FakeConnection::default());
        let host: Rc<FakeConnection> = Rc::clone(&connection);
        (self.vm.create_tcp_context(self.root, host), connection)
    }

    /// Runs `proxy_on_request_headers` on a new stream and returns what it said.
    pub(crate) fn request(&mut self, headers: &[(&str, &str)]) -> Vec<String> {
        let (id, _) = self.stream(headers);
        self.vm.on_request_headers(id, true).unwrap();
        self.said()
    }

    /// Takes what the guest has said since the last time.
    pub(crate) fn said(&self) -> Vec<String> {
        self.services.take_said()
    }
}
