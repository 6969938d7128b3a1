//! `tollgate test-run`: what Cargo calls to run tests inside wasm.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_runtime::program::{Output, Program, ProgramError, ProgramHost};

use crate::error::CommandError;

/// What Cargo's own test programs end with when a test fails.
const FAILED: u8 = 101;

/// Whether tests print at once.
const NO_CAPTURE: &str = "RUST_TEST_NOCAPTURE";

/// Runs the tests; the exit code is theirs.
///
/// # Errors
///
/// When the file cannot be read or is no program.
pub(crate) fn test_run(path: &Path, arguments: Vec<String>) -> Result<ExitCode, CommandError> {
    let name = path.display();
    let wasm = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    let program = Program {
        arguments: std::iter::once(name.to_string()).chain(arguments).collect(),
        environment: environment(),
    };
    let host = Rc::new(Process {
        started: Instant::now(),
    });
    match program.run(&wasm, host) {
        // Only the low byte of an exit code reaches the caller, on every system.
        Ok(code) => Ok(ExitCode::from(code.to_le_bytes()[0])),
        Err(ProgramError::Trap(text)) => {
            writeln!(io::stderr(), "the tests were stopped: {text}")?;
            Ok(ExitCode::from(FAILED))
        }
        Err(error) => Err(format!("{name}: {error}").into()),
    }
}

/// The variables of this process. Without unwinding a panic is the end, and what the tests keep
/// back until then would be lost, so nothing is kept back unless somebody wants it.
fn environment() -> Vec<(String, String)> {
    let variables = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let mut environment: Vec<_> = variables.collect();
    if !environment.iter().any(|(key, _)| key == NO_CAPTURE) {
        environment.push((NO_CAPTURE.to_owned(), "1".to_owned()));
    }
    environment
}

/// This process as the tests' surroundings.
struct Process {
    started: Instant,
}

impl ProgramHost for Process {
    fn write(&self, output: Output, bytes: &[u8]) {
        // Output that nobody takes is no reason to stop.
        let _lost = match output {
            Output::Standard => io::stdout().write_all(bytes),
            Output::Error => io::stderr().write_all(bytes),
        };
        let _unflushed = io::stdout().flush();
    }

    fn realtime_nanos(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        nanos(now.unwrap_or_default())
    }

    fn monotonic_nanos(&self) -> u64 {
        nanos(self.started.elapsed())
    }

    fn fill_random(&self, out: &mut [u8]) {
        let _unread = File::open("/dev/urandom").and_then(|mut source| source.read_exact(out));
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
