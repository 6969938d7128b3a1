//! One run of a load generator.

use std::fs;
use std::process::Command;

use crate::contestant::Contestant;
use crate::options::Options;

/// Which load generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// wrk over HTTP/1.1.
    Http1,
    /// h2load over HTTP/2.
    Http2,
}

/// What one run gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) requests_per_second: f64,
    /// Median latency in microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of processor time that the proxy used for a request.
    pub(crate) processor: f64,
    /// Answers other than 2xx, and requests without an answer.
    pub(crate) errors: u64,
    /// KiB.
    pub(crate) memory: usize,
}

/// A run and what it was.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) contestant: String,
    pub(crate) load: Load,
    pub(crate) measured: Option<Measured>,
}

/// What the filters look for. All contestants get it, as a header takes time of its own.
const HEADERS: [&str; 2] = ["x-hello: bench", "x-api-key: demo-key-of-alice"];

/// Streams that one HTTP/2 connection carries at a time.
const STREAMS: usize = 8;

impl Load {
    pub(crate) const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1 (wrk)",
            Self::Http2 => "HTTP/2 (h2load)",
        }
    }

    /// Runs once; `None` when the contestant does not speak the protocol.
    pub(crate) fn run(self, contestant: &Contestant, options: &Options) -> Option<Measured> {
        let before = contestant.processor_time();
        let (requests, mut measured) = match self {
            Self::Http1 => wrk(contestant, options),
            Self::Http2 if contestant.http2 => h2load(contestant, options),
            Self::Http2 => return None,
        };
        let used = contestant.processor_time().saturating_sub(before);
        measured.processor = used.as_secs_f64() * 1e6 / requests.max(1.0);
        measured.memory = contestant.memory();
        Some(measured)
    }
}

fn command(options: &Options, program: &str) -> Command {
    match options.other_wrapper().split_first() {
        Some((wrapper, rest)) => {
            let mut command = Command::new(wrapper);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns how many requests were answered, and what was measured.
fn wrk(contestant: &Contestant, options: &Options) -> (f64, Measured) {
    let mut wrk = command(options, "wrk");
    wrk.args(["--threads", "1", "--latency", "--connections"])
        .arg(options.connections.to_string());
    wrk.args(["--duration", &format!("{}s", options.seconds)]);
    wrk.args(HEADERS.iter().flat_map(|header| ["--header", header]));
    let text = output(wrk.arg(format!("http://127.0.0.1:{}/", contestant.port)));
    let value = |mark: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(mark))
            .unwrap_or_default()
            .trim()
    };
    let socket_errors = value("Socket errors:").split_whitespace();
    let failed: u64 = socket_errors
        .filter_map(|w| w.trim_matches(',').parse::<u64>().ok())
        .sum();
    let not_2xx: u64 = value("Non-2xx or 3xx responses:")
        .parse()
        .unwrap_or_default();
    // `24639 requests in 1.00s, 3.51MB read`
    let total = text.lines().find(|line| line.contains(" requests in "));
    let total = total.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let measured = Measured {
        requests_per_second: value("Requests/sec:").parse().unwrap_or_default(),
        p50: microseconds(value("50%")),
        p99: microseconds(value("99%")),
        errors: failed + not_2xx,
        ..Measured::default()
    };
    (total.unwrap_or_default(), measured)
}

fn h2load(contestant: &Contestant, options: &Options) -> (f64, Measured) {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut h2load = command(options, "h2load");
    let clients = (options.connections / STREAMS).max(1);
    h2load.args(["--threads", "1", "--clients", &clients.to_string()]);
    h2load.args(["--max-concurrent-streams", &STREAMS.to_string()]);
    h2load
        .args(["--duration", &options.seconds.to_string(), "--log-file"])
        .arg(log.path());
    h2load.args(HEADERS.iter().flat_map(|header| ["--header", header]));
    let text = output(h2load.arg(format!("http://127.0.0.1:{}/", contestant.port)));
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("finished in"))
        .unwrap_or_default();
    let rate = rate
        .split(", ")
        .find_map(|part| part.strip_suffix(" req/s"))
        .unwrap_or_default();
    let log = fs::read_to_string(log.path()).unwrap_or_default();
    let (p50, p99, errors) = read_log(&log);
    let measured = Measured {
        requests_per_second: rate.parse().unwrap_or_default(),
        p50,
        p99,
        errors,
        ..Measured::default()
    };
    (log.lines().count() as f64, measured)
}

/// Reads h2load's log: start, status and microseconds of each request.
fn read_log(log: &str) -> (f64, f64, u64) {
    let mut times = Vec::new();
    let mut errors = 0;
    for line in log.lines() {
        let mut fields = line.split('\t').skip(1);
        let (status, time) = (fields.next(), fields.next());
        if status.is_none_or(|status| !status.starts_with('2')) {
            errors += 1;
        }
        times.extend(time.and_then(|time| time.parse::<f64>().ok()));
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    (at(50), at(99), errors)
}

/// Reads a duration as wrk prints it: `812.00us`, `1.52ms`, `2.10s`.
fn microseconds(text: &str) -> f64 {
    let units = [("us", 1.0), ("ms", 1_000.0), ("s", 1_000_000.0)];
    let parsed = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    });
    parsed.unwrap_or_default()
}
