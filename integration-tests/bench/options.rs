//! Command line of the benchmark.

use std::env;
use std::thread;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: bench [--rounds N] [--seconds N] [--connections N] [--only envoy,tollgate,nginx] [--no-pin]
       bench --reload [--rounds N]

  --rounds N        rounds, each with new processes and a run to warm them (5)
  --seconds N       length of one run (4)
  --connections N   client connections (32)
  --only LIST       contestants to measure, by kind
  --no-pin          let the scheduler place the processes; without it the proxies have one core
                    for themselves, and the origin and the load generator share another
  --reload          measure instead how long a saved module takes until it answers";

/// What the operator chose.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: usize,
    pub(crate) connections: usize,
    pub(crate) only: Vec<String>,
    pub(crate) pin: bool,
    /// To measure reloads, and no load.
    pub(crate) reload: bool,
}

/// Core of the proxy under test.
const PROXY_CORE: &str = "1";
/// Core of the origin and the load generator.
const OTHER_CORE: &str = "0";

impl Options {
    /// Reads the command line; `None` when help is asked for.
    pub(crate) fn from_arguments() -> Option<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let only = ["envoy", "tollgate", "nginx"].map(str::to_owned).to_vec();
        let mut options = Self {
            rounds: 5,
            seconds: 4,
            connections: 32,
            only,
            pin: cores > 1,
            reload: false,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => options.rounds = number(arguments.next()),
                "--seconds" => options.seconds = number(arguments.next()),
                "--connections" => options.connections = number(arguments.next()),
                "--only" => {
                    let list = arguments.next().unwrap_or_default();
                    options.only = list.split(',').map(str::to_owned).collect();
                }
                "--no-pin" => options.pin = false,
                "--reload" => options.reload = true,
                _ => return None,
            }
        }
        Some(options)
    }

    /// What a proxy's command line begins with.
    pub(crate) fn proxy_wrapper(&self) -> &'static [&'static str] {
        if self.pin {
            &["taskset", "--cpu-list", PROXY_CORE]
        } else {
            &[]
        }
    }

    /// What the other programs' command lines begin with.
    pub(crate) fn other_wrapper(&self) -> &'static [&'static str] {
        if self.pin {
            &["taskset", "--cpu-list", OTHER_CORE]
        } else {
            &[]
        }
    }
}

fn number(text: Option<String>) -> usize {
    let text = text.unwrap_or_default();
    text.parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number\n{HELP}"))
}
