//! Modules: the reader of sections, the checks before compiling, and what both make of any bytes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tollgate_runtime::{Engine, EngineOptions, Module, inspect};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineOptions::default()).expect("this machine runs wasm"));

fuzz_target!(|bytes: &[u8]| {
    let report = inspect::inspect(bytes);
    let module = Module::new(&ENGINE, bytes);
    match report {
        Err(_) => assert!(module.is_err(), "what cannot be read was loaded"),
        Ok(report) => {
            let ours =
                |refusal: &&inspect::Refusal| refusal.hosts.contains(&inspect::Host::Tollgate);
            if let Some(refusal) = report.refusals.iter().find(ours) {
                assert!(module.is_err(), "loaded in spite of {refusal:?}");
            }
        }
    }
});
