//! Making an instance: link, find the memory and the allocator, run the start functions.

use std::rc::Rc;
use std::sync::Arc;

use wasmtime::{ExternType, Instance, Memory, PoolConcurrencyLimitError, Ref, Table};

use super::callback::Callback;
use super::exports::Exports;
use super::guest::{Guest, Settings};
use super::{VmState, exports};
use crate::host::HostServices;
use crate::imports::Window;
use crate::module::MemorySource;
use crate::record::{self, Recorder};
use crate::shared::SharedState;
use crate::{Fault, LoadError, Module, VmConfig};

/// Makes an instance and brings it to where plugins can start.
pub(super) fn start(
    module: &Module,
    config: VmConfig,
    shared: Arc<SharedState>,
    services: Rc<dyn HostServices>,
) -> Result<(Guest, Exports), LoadError> {
    let (is_recorded, keeps_finished) = (config.is_recorded, config.keeps_finished);
    let mut state = VmState::new(module.abi_version(), config, shared, services);
    state.has_tick = module.has_callback("proxy_on_tick");
    state.is_starting = true;
    // A recording of the one kind is none of the other.
    if is_recorded {
        state.gate.watch(record::is_recorded);
        state.recorder = Some(Box::new(Recorder::new(false)));
    } else if keeps_finished {
        state.gate.watch(record::is_compared);
        state.recorder = Some(Box::new(Recorder::new(true)));
    }
    let (mut guest, _) = load(module, state)?;
    let allowed = guest.state().common.config.allowed_capabilities.as_ref();
    let exports = Exports::find(module, module.wasmtime(), allowed);
    run_start_functions(&mut guest, module)?;
    guest.state_mut().gate.enter(Window::Open);
    guest.state_mut().is_starting = false;
    Ok((guest, exports))
}

/// Makes an instance whose start functions have not run.
pub(super) fn load(module: &Module, mut state: VmState) -> Result<(Guest, Instance), LoadError> {
    if let MemorySource::Exported(name) = &module.checked().memory {
        state.memory_export = Some(name.clone());
    }
    let engine = module.engine();
    let limits = &state.common.config.limits;
    let settings = Settings::new(engine, limits, module.code_shift());
    let mut guest = Guest::new(engine.wasmtime(), settings, state).map_err(refused)?;
    guest.state_mut().gate.enter(Window::Start);
    let instance = instantiate(module, &mut guest).map_err(refused)?;
    let state = guest.state_mut();
    state.instance = Some(instance);
    state.allocator = allocator(module, module.wasmtime());
    state.offers_results = module.offers_results();
    if let MemorySource::Exported(name) = &module.checked().memory {
        guest.state_mut().memory = instance.get_memory(&mut guest.store, name);
    }
    Ok((guest, instance))
}

/// Finds the allocator in one compiled form of a module.
pub(crate) fn allocator(
    module: &Module,
    compiled: &wasmtime::Module,
) -> Option<Callback<u32, u32>> {
    ["malloc", "proxy_on_memory_allocate"]
        .into_iter()
        .find_map(|name| exports::find(module, compiled, name))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(super) fn refused(error: wasmtime::Error) -> LoadError {
    if error.is::<PoolConcurrencyLimitError>() {
        LoadError::TooManyInstances(error.to_string())
    } else {
        LoadError::Instantiate(format!("{error:#}"))
    }
}

fn instantiate(module: &Module, guest: &mut Guest) -> Result<Instance, wasmtime::Error> {
    if let Some(linked) = module.linked() {
        return linked.instantiate(&mut guest.store);
    }
    let Some(linker) = module.engine().linker(module.abi_version()) else {
        wasmtime::bail!("no hostcalls for ABI {}", module.abi_version());
    };
    let mut linker = linker.clone();
    for import in module.wasmtime().imports() {
        let name = (import.module(), import.name());
        if let ExternType::Memory(ty) = import.ty() {
            let memory = Memory::new(&mut guest.store, ty)?;
            guest.state_mut().memory = Some(memory);
            linker.define(&guest.store, name.0, name.1, memory)?;
        } else if let ExternType::Table(ty) = import.ty() {
            let table = Table::new(&mut guest.store, ty, Ref::Func(None))?;
            linker.define(&guest.store, name.0, name.1, table)?;
        }
    }
    linker.instantiate(&mut guest.store, module.wasmtime())
}

/// A reactor has `_initialize`, then perhaps `main`; a command has only `_start`, and lives on
/// after it has returned.
fn run_start_functions(guest: &mut Guest, module: &Module) -> Result<(), Fault> {
    let compiled = module.wasmtime();
    let Some(initialize) = exports::find::<(), ()>(module, compiled, "_initialize") else {
        let command = exports::find::<(), ()>(module, compiled, "_start");
        return command.map_or(Ok(()), |command| guest.call_start("_start", &command, ()));
    };
    let main = exports::find::<(u32, u32), u32>(module, compiled, "main");
    let main_void = exports::find::<(), u32>(module, compiled, "__main_void");
    guest.call_start("_initialize", &initialize, ())?;
    match (main, main_void) {
        (Some(main), _) => guest.call_start("main", &main, (0, 0)).map(drop),
        (None, Some(main)) => guest.call_start("__main_void", &main, ()).map(drop),
        (None, None) => Ok(()),
    }
}
