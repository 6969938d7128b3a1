//! The benchmark: Tollgate, Envoy and nginx in turn, one worker each, in front of the same origin.
//!
//! `cargo run --release -p tollgate-integration-tests --bin bench -- --help` tells the options.
//! Every round measures every contestant once, so that what else the machine does hits all of them;
//! ratios are taken within a round, and the median of the rounds is printed. A round has processes of
//! its own, so that what one process keeps as long as it runs, such as where its pages lie in the
//! caches, does not colour all of them.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot run says why and stops"
)]

mod contestant;
mod load;
mod nginx;
mod options;
mod reload;
mod report;
mod tool;

use std::io::{self, Write as _};

use load::{Load, Sample};
use options::Options;

fn main() -> io::Result<()> {
    let Some(options) = Options::from_arguments() else {
        return writeln!(io::stdout(), "{}", options::HELP);
    };
    if options.reload {
        return reload::run(&options, &mut io::stdout());
    }
    tool::require_all();
    let origin = nginx::Nginx::origin(&options);
    let mut out = io::stdout();
    let mut samples = Vec::new();
    for round in 1..=options.rounds {
        let contestants = contestant::start_all(&options, origin.port());
        for load in Load::ALL {
            // Warms caches, pools and branch predictors.
            for contestant in &contestants {
                load.run(contestant, &options);
            }
            for contestant in &contestants {
                let measured = load.run(contestant, &options);
                let line = report::progress(round, contestant, load, measured.as_ref());
                writeln!(out, "{line}")?;
                samples.push(Sample {
                    round,
                    contestant: contestant.name.clone(),
                    load,
                    measured,
                });
            }
        }
    }
    write!(out, "\n{}", report::Report::new(&samples))?;
    Ok(())
}
