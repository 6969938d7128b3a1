//! Compiled: modules that this process has compiled, and the engine that all of them share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock, PoisonError};
use std::time::Duration;

use tollgate_runtime::{Engine, EngineOptions, Module};

use crate::engine::Fault;

/// Tests of one process share an engine, whose deadlines need a thread that counts.
fn engine() -> Result<Engine, Fault> {
    static ENGINE: OnceLock<Result<Engine, Fault>> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            let options = EngineOptions {
                count_fuel: true,
                ..EngineOptions::default()
            };
            let interval: Duration = options.epoch_interval;
            let engine = Engine::new(options).map_err(|error| error.to_string())?;
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

/// Compiles a module, or takes it from those this process has compiled: many tests use one.
pub(crate) fn module(path: &Path) -> Result<Module, Fault> {
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
