//! Programs: WASI commands, such as a filter's own tests built for `wasm32-wasip1`.
//!
//! A program is not a plugin: it has arguments, standard output and an exit code, and runs once.
//! Hostcalls of Proxy-Wasm are there so that it links; but for the log and the time they answer
//! `Unimplemented`, as there is no stream.

mod hostcalls;
mod memory;
mod wasi;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use wasmtime::{Config, Engine, Linker, Module, Store, Trap, WasmBacktrace};

use crate::imports::{ENV_MODULE, WASI_MODULES};

/// What a program needs from outside.
pub trait ProgramHost {
    /// Takes what the program writes.
    fn write(&self, output: Output, bytes: &[u8]);

    /// Returns nanoseconds since the Unix epoch.
    fn realtime_nanos(&self) -> u64;

    /// Returns nanoseconds of a clock that never goes back.
    fn monotonic_nanos(&self) -> u64;

    /// Fills `out` with unpredictable bytes.
    fn fill_random(&self, out: &mut [u8]);

    /// Waits.
    fn sleep(&self, duration: Duration);
}

/// Where a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// File descriptor 1.
    Standard,
    /// File descriptor 2, and the log of hostcalls.
    Error,
}

/// A program with what it is started with.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Its own name, then its arguments.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
}

/// Why a program did not end by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The bytes are no module, or one that cannot be linked.
    #[error("{0}")]
    Load(String),
    /// It has no `_start`.
    #[error("the module is no program: it exports no _start; build it for wasm32-wasip1")]
    NoStart,
    /// It was stopped; panics end so, after their message. The text tells where.
    #[error("{0}")]
    Trap(String),
}

/// What the functions of a running program reach.
struct State {
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    host: Rc<dyn ProgramHost>,
}

/// The program has ended by `proc_exit`.
#[derive(Debug)]
struct Exit(i32);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

impl Program {
    /// Runs a module and returns its exit code.
    ///
    /// # Errors
    ///
    /// When the module is no program, imports what nobody has, or traps.
    pub fn run(&self, wasm: &[u8], host: Rc<dyn ProgramHost>) -> Result<i32, ProgramError> {
        let engine = engine().map_err(|error| load(&error))?;
        let module = Module::from_binary(&engine, wasm).map_err(|error| load(&error))?;
        let linker = linker(&engine, &module)?;
        let variables = self.environment.iter();
        let state = State {
            arguments: self.arguments.iter().map(|text| terminated(text)).collect(),
            environment: variables
                .map(|(key, value)| terminated(&format!("{key}={value}")))
                .collect(),
            host,
        };
        let mut store = Store::new(&engine, state);
        let instance = linker
            .instantiate(&mut store, &module)
            .map_err(|error| load(&error))?;
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .map_err(|_| ProgramError::NoStart)?;
        match start.call(&mut store, ()) {
            Ok(()) => Ok(0),
            Err(error) => match error.downcast_ref::<Exit>() {
                Some(Exit(code)) => Ok(*code),
                None => Err(ProgramError::Trap(trap(&error))),
            },
        }
    }
}

fn engine() -> Result<Engine, wasmtime::Error> {
    let mut config = Config::new();
    config
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable)
        .concurrency_support(false);
    Engine::new(&config)
}

/// Links what the module imports, and nothing else.
fn linker(engine: &Engine, module: &Module) -> Result<Linker<State>, ProgramError> {
    let mut linker = Linker::new(engine);
    for name in WASI_MODULES {
        wasi::link(&mut linker, name).map_err(|error| load(&error))?;
    }
    hostcalls::link(&mut linker).map_err(|error| load(&error))?;
    for import in module.imports() {
        let Some(ty) = import.ty().func().cloned() else {
            continue;
        };
        let is_known = import.module() == ENV_MODULE || WASI_MODULES.contains(&import.module());
        let is_linked = linker
            .get_by_import(&mut Store::new(engine, State::empty()), &import)
            .is_some();
        if is_known && !is_linked {
            let (family, name) = (import.module(), import.name());
            hostcalls::refuse(&mut linker, (family, name), ty).map_err(|error| load(&error))?;
        }
    }
    Ok(linker)
}

impl State {
    fn empty() -> Self {
        Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            host: Rc::new(Nobody),
        }
    }
}

/// The host of a program that does not run.
struct Nobody;

impl ProgramHost for Nobody {
    fn write(&self, _output: Output, _bytes: &[u8]) {}
    fn realtime_nanos(&self) -> u64 {
        0
    }
    fn monotonic_nanos(&self) -> u64 {
        0
    }
    fn fill_random(&self, _out: &mut [u8]) {}
    fn sleep(&self, _duration: Duration) {}
}

fn load(error: &wasmtime::Error) -> ProgramError {
    ProgramError::Load(format!("{error:#}"))
}

fn terminated(text: &str) -> Vec<u8> {
    // A NUL would end the text early.
    let mut bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    bytes.push(0);
    bytes
}

fn trap(error: &wasmtime::Error) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return what;
    };
    let frames = backtrace.frames().iter().filter_map(|frame| {
        let name = frame.func_name()?;
        Some(rustc_demangle::demangle(name).to_string())
    });
    frames.fold(what, |text, frame| text + "\n  in " + &frame)
}
