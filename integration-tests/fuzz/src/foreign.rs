//! Foreign functions: a guest that hands one of them whatever it is configured with.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use tollgate_runtime::{Engine, EngineOptions, Module, PluginConfig, SharedState, Vm, VmConfig};

use crate::Source;
use crate::hostile::{Services, Stream};

/// The first byte of the configuration chooses the function, the others are its arguments. What an
/// expression gives is evaluated in the root context and in a stream.
const GUEST: &str = include_str!("foreign.wat");

static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let engine = Engine::new(EngineOptions::default()).expect("this machine runs wasm");
    let wasm = wat::parse_str(GUEST).expect("the guest is legal text");
    Module::new(&engine, &wasm).expect("the guest is what a host loads")
});

/// Runs one input.
///
/// # Panics
///
/// When the guest does not complete: whatever a function is given, it returns a status.
pub fn run(bytes: &[u8]) {
    // What the world around answers does not matter; it is the same for inputs of one length.
    let world = Rc::new(Source::new(&bytes.len().to_le_bytes()));
    let services = Rc::new(Services::new(Rc::clone(&world)));
    let shared = Arc::new(SharedState::default());
    let mut vm = Vm::new(&MODULE, VmConfig::default(), shared, services).expect("it starts");
    let plugin = PluginConfig {
        configuration: bytes.to_vec().into(),
        ..PluginConfig::default()
    };
    let root = vm.start_plugin(plugin).expect("a call returns");
    let id = vm.create_http_context(root, Rc::new(Stream::new(world)));
    vm.on_request_headers(id, true).expect("a call returns");
    vm.on_log(id).expect("a call returns");
    vm.delete_http_context(id).expect("a call returns");
}
