//! `tollgate replay`: a crash bundle brought to its module again, or to a rebuilt one.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tollgate_runtime::abi::LogLevel;
use tollgate_runtime::{CrashBundle, Engine, EngineOptions, Fault, Module, Replay, ReplayOutcome};

use crate::args::ReplayArguments;
use crate::error::CommandError;

/// Replays a bundle and shows what happens; only the same fault is success.
///
/// # Errors
///
/// When the bundle or the module cannot be used, or when the fault does not happen again.
pub(crate) fn replay(arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let path = &arguments.bundle;
    let about = |error: CommandError| error.about(path.display());
    let bundle = read(path).map_err(about)?;
    let code = match &arguments.module {
        Some(module) => tollgate_proxy::read_module(module)
            .map_err(|error| CommandError::from(format!("{}: {error}", module.display())))?
            .into(),
        None => bundle.module().map_err(|e| about(e.to_string().into()))?,
    };
    let mut out = io::stdout().lock();
    write_bundle(&mut out, &bundle, arguments.module.as_deref(), &code)?;
    let replay = run(&bundle, &code).map_err(about)?;
    write_replay(&mut out, &replay)?;
    match verdict(&replay.outcome) {
        None => {
            writeln!(out, "reproduced: the same fault")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(verdict) => {
            if bundle.has_more_behind_it() {
                writeln!(
                    out,
                    "note: the VM had done more than what is in the bundle, such as other streams \
                     or ticks; a fault that needs that is not reproduced. `isolation: stream` \
                     keeps streams apart."
                )?;
            }
            Err(about(format!("not reproduced: {verdict}").into()))
        }
    }
}

fn read(path: &Path) -> Result<CrashBundle, CommandError> {
    let bytes = std::fs::read(path)?;
    CrashBundle::read(&bytes).map_err(|error| error.to_string().into())
}

/// Replays while a clock of deadlines runs.
fn run(bundle: &CrashBundle, code: &[u8]) -> Result<Replay, CommandError> {
    let options = EngineOptions::default();
    let interval = options.epoch_interval;
    let engine = Engine::new(options).map_err(|error| error.to_string())?;
    let module = Module::new(&engine, code).map_err(|error| error.to_string())?;
    let is_over = AtomicBool::new(false);
    let replay = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(interval);
                engine.increment_epoch();
            }
        });
        let replay = bundle.replay(&module);
        is_over.store(true, Ordering::Relaxed);
        replay
    });
    replay.map_err(|error| error.to_string().into())
}

fn write_bundle(
    out: &mut impl Write,
    bundle: &CrashBundle,
    module: Option<&Path>,
    code: &[u8],
) -> io::Result<()> {
    writeln!(out, "bundle: {}", bundle.summary())?;
    match module {
        None => writeln!(out, "module: the bundle's, {} bytes", code.len())?,
        Some(path) if bundle.is_of(code) => {
            writeln!(out, "module: {}, the same as the bundle's", path.display())?;
        }
        Some(path) => {
            writeln!(out, "module: {}, another than the bundle's", path.display())?;
        }
    }
    let mut headers = bundle.request_headers().peekable();
    if headers.peek().is_some() {
        writeln!(out, "request:")?;
    }
    for (name, value) in headers {
        let (name, value) = (name.escape_ascii(), value.escape_ascii());
        writeln!(out, "  {name}: {value}")?;
    }
    Ok(())
}

fn write_replay(out: &mut impl Write, replay: &Replay) -> io::Result<()> {
    writeln!(out, "hostcalls answered: {}", replay.hostcalls)?;
    let shown = |level: &LogLevel| *level >= LogLevel::Info;
    for (level, line) in replay.log.iter().filter(|(level, _)| shown(level)) {
        let text = String::from_utf8_lossy(line);
        writeln!(out, "log {}: {}", level.name(), text.escape_debug())?;
    }
    let Some(fault) = &replay.fault else {
        return Ok(());
    };
    write_fault(out, fault)?;
    for (depth, frame) in replay.frames.iter().enumerate() {
        writeln!(out, "  {depth}: {frame}")?;
    }
    Ok(())
}

fn write_fault(out: &mut impl Write, fault: &Fault) -> io::Result<()> {
    writeln!(out, "{fault}")?;
    for call in &fault.details.hostcalls {
        let (name, arguments, outcome) = (call.name, &call.arguments, &call.outcome);
        writeln!(out, "  {name}({arguments}) = {outcome}")?;
    }
    Ok(())
}

/// Says why the fault is not reproduced; `None` when it is.
fn verdict(outcome: &ReplayOutcome) -> Option<String> {
    Some(match outcome {
        ReplayOutcome::Same => return None,
        ReplayOutcome::Passed(None) => {
            "the module does all that was recorded without a fault".into()
        }
        ReplayOutcome::Passed(Some(call)) => {
            format!("the module gets past the place of the fault and makes {call}")
        }
        ReplayOutcome::Diverged(divergence) => divergence.to_string(),
        ReplayOutcome::Other(fingerprint) => format!("another fault happens, {fingerprint}"),
        _ => "something else happens".into(),
    })
}
