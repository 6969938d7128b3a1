//! `--reload`: how long a saved module takes until it answers.
//!
//! The API-key filter is served, watched as `tollgate run` does it, with a worker for each core. A
//! save is measured from before the file is written to the first answer of the new version, by a
//! client that asks all the time.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tollgate_integration_tests::client::{Connection, Request, Version};
use tollgate_integration_tests::{Kind, Launch, Ports, Server, envoy_config_dir, wasm_module};

use crate::contestant::LISTENER;
use crate::options::Options;

/// What the filter answers without a key, in the module's data.
const ANSWER: &[u8] = b"an API key is required";
/// So often the client asks.
const INTERVAL: Duration = Duration::from_micros(500);
/// Nothing takes so long.
const LIMIT: Duration = Duration::from_secs(60);

/// Milliseconds of each round, by what was saved.
#[derive(Debug, Default)]
struct Times {
    /// All of its code is new to the process.
    new_code: Vec<f64>,
    /// A text has changed, and no function.
    new_text: Vec<f64>,
}

/// Measures and prints.
pub(crate) fn run(options: &Options, out: &mut impl io::Write) -> io::Result<()> {
    for isolation in ["worker", "stream"] {
        let mut times = Times::default();
        for round in 1..=options.rounds {
            let [code, text] = Saving::start(isolation).measure();
            writeln!(
                out,
                "round {round} {isolation}: new code {code:.0} ms, new text {text:.0} ms"
            )?;
            times.new_code.push(code);
            times.new_text.push(text);
        }
        writeln!(
            out,
            "save to serving, isolation {isolation}, median of {}: new code {:.0} ms, new text {:.0} ms",
            options.rounds,
            median(&mut times.new_code),
            median(&mut times.new_text)
        )?;
    }
    out.flush()
}

/// A running proxy whose module is replaced.
struct Saving {
    server: Server,
    module: PathBuf,
    _folder: TempDir,
}

impl Saving {
    /// Starts with another filter in the module's place.
    fn start(isolation: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let module = folder.path().join("filter.wasm");
        fs::copy(wasm_module("examples/hello"), &module).expect("modules can be copied");
        let text = fs::read_to_string(envoy_config_dir().join("api-key-auth.yaml"));
        let text = text.expect("the shipped file is text");
        let (before, rest) = text.split_once("filename: ").expect("it names a module");
        let (_, after) = rest.split_once(".wasm").expect("it names a module");
        let text = format!("{before}filename: {}{after}", module.display());
        let file = folder.path().join("envoy.yaml");
        fs::write(&file, text).expect("the temporary folder takes files");
        // Of its own, for what an earlier round has compiled is not new.
        let settings = folder.path().join("tollgate.yaml");
        let cache = folder.path().join("cache");
        fs::write(&settings, format!("compile_cache: {}", cache.display()))
            .expect("the temporary folder takes files");
        let settings = settings.display().to_string();
        let server = Server::start(&Launch {
            kind: Kind::Tollgate,
            file: &file,
            ports: Ports::new(),
            wrapper: &[],
            workers: u32::try_from(thread::available_parallelism().map_or(1, usize::from))
                .unwrap_or(1),
            tollgate_arguments: &["--isolation", isolation, "--tollgate-config", &settings],
        });
        Self {
            server,
            module,
            _folder: folder,
        }
    }

    fn measure(&self) -> [f64; 2] {
        let bytes = fs::read(wasm_module("api_key_auth")).expect("it was built");
        [ANSWER, b"an API key is changed!"].map(|answer| {
            let at = bytes.windows(ANSWER.len()).position(|part| part == ANSWER);
            let (before, rest) = bytes.split_at(at.expect("the filter says so"));
            let after = rest.get(ANSWER.len()..).unwrap_or_default();
            let version = [before, answer, after].concat();
            self.save(&version, answer)
        })
    }

    /// Returns the milliseconds until an answer holds a text that only the new version has.
    fn save(&self, version: &[u8], answer: &[u8]) -> f64 {
        let port = self.server.port(LISTENER);
        let connection = Connection::open(port, Version::Http1);
        let start = Instant::now();
        fs::write(&self.module, version).expect("the temporary folder takes files");
        loop {
            let said = connection.send(Request::new(port, "GET", "/")).body;
            if said.windows(answer.len()).any(|part| part == answer) {
                return start.elapsed().as_secs_f64() * 1_000.0;
            }
            assert!(
                start.elapsed() < LIMIT,
                "not served:\n{}",
                self.server.process().lines().join("\n")
            );
            thread::sleep(INTERVAL);
        }
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
