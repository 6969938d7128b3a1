//! Medians, ratios, and what a filter costs.

use std::fmt;

use crate::contestant::Contestant;
use crate::load::{Load, Measured, Sample};

/// One line while the benchmark runs.
pub(crate) fn progress(
    round: usize,
    contestant: &Contestant,
    load: Load,
    measured: Option<&Measured>,
) -> String {
    let (load, name) = (load.name(), &contestant.name);
    match measured {
        Some(run) => {
            let (rate, errors) = (run.requests_per_second, run.errors);
            format!("round {round}  {load:16} {name:24} {rate:>9.0} req/s  {errors} errors")
        }
        None => format!("round {round}  {load:16} {name:24}         -"),
    }
}

/// The summary of all rounds.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    samples: &'a [Sample],
    /// In the order of the first round.
    names: Vec<&'a str>,
}

/// Pairs whose ratio is of interest: first divided by second.
const RATIOS: [(&str, &str); 5] = [
    ("tollgate", "envoy"),
    ("tollgate+hello", "envoy+hello"),
    ("tollgate+api-key", "envoy+api-key"),
    ("tollgate", "nginx"),
    ("envoy", "nginx"),
];

/// What a filter adds: with it, and without.
const COSTS: [(&str, &str); 6] = [
    ("tollgate+hello", "tollgate"),
    ("tollgate+api-key", "tollgate"),
    ("tollgate+hello/stream", "tollgate"),
    ("tollgate+api-key/stream", "tollgate"),
    ("envoy+hello", "envoy"),
    ("envoy+api-key", "envoy"),
];

impl<'a> Report<'a> {
    pub(crate) fn new(samples: &'a [Sample]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for sample in samples {
            if !names.contains(&&*sample.contestant) {
                names.push(&sample.contestant);
            }
        }
        Self { samples, names }
    }

    fn runs(&self, load: Load, name: &str) -> impl Iterator<Item = (usize, Measured)> {
        let of_both = move |sample: &&Sample| sample.load == load && sample.contestant == name;
        self.samples
            .iter()
            .filter(of_both)
            .filter_map(|s| s.measured.map(|m| (s.round, m)))
    }

    fn median(&self, load: Load, name: &str, value: impl Fn(Measured) -> f64) -> Option<f64> {
        median(self.runs(load, name).map(|(_, run)| value(run)).collect())
    }

    /// Median over the rounds of a value of two runs of the same round.
    fn paired(
        &self,
        load: Load,
        (first, second): (&str, &str),
        value: impl Fn(Measured, Measured) -> f64,
    ) -> Option<f64> {
        let seconds: Vec<_> = self.runs(load, second).collect();
        let pairs = self.runs(load, first).filter_map(|(round, run)| {
            let (_, other) = seconds.iter().find(|(other, _)| *other == round)?;
            Some(value(run, *other))
        });
        median(pairs.collect())
    }

    fn write_medians(&self, f: &mut fmt::Formatter<'_>, load: Load) -> fmt::Result {
        writeln!(
            f,
            "{:24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
            "", "req/s", "CPU us", "p50 us", "p99 us", "RSS MiB", "errors"
        )?;
        for name in &self.names {
            let Some(rate) = self.median(load, name, |run| run.requests_per_second) else {
                continue;
            };
            let processor = self.median(load, name, |run| run.processor);
            let processor = processor.unwrap_or_default();
            let p50 = self.median(load, name, |run| run.p50).unwrap_or_default();
            let p99 = self.median(load, name, |run| run.p99).unwrap_or_default();
            let memory: usize = self
                .runs(load, name)
                .map(|(_, run)| run.memory)
                .max()
                .unwrap_or_default();
            let errors: u64 = self.runs(load, name).map(|(_, run)| run.errors).sum();
            let memory = memory / 1024;
            writeln!(
                f,
                "{name:24} {rate:>9.0} {processor:>9.1} {p50:>9.0} {p99:>9.0} {memory:>9} {errors:>7}"
            )?;
        }
        Ok(())
    }
}

impl Report<'_> {
    fn write_ratios(&self, f: &mut fmt::Formatter<'_>, load: Load) -> fmt::Result {
        let divide = |a: Measured, b: Measured| a.requests_per_second / b.requests_per_second;
        for (first, second) in RATIOS {
            if let Some(ratio) = self.paired(load, (first, second), divide) {
                writeln!(f, "{first} / {second}: {ratio:.2}")?;
            }
        }
        Ok(())
    }

    /// One worker that is busy all the time: the time of a request is the inverse of the rate. Its
    /// processor time leaves out what the proxy waited for, and what else the machine did.
    fn write_costs(&self, f: &mut fmt::Formatter<'_>, load: Load) -> fmt::Result {
        let added =
            |a: Measured, b: Measured| 1e6 / a.requests_per_second - 1e6 / b.requests_per_second;
        for (with, without) in COSTS {
            let cost = self.paired(load, (with, without), added);
            let processor = self.paired(load, (with, without), |a, b| a.processor - b.processor);
            if let (Some(cost), Some(processor)) = (cost, processor) {
                writeln!(
                    f,
                    "{with} adds {cost:.1} us a request, {processor:.1} us of processor time"
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for load in Load::ALL {
            writeln!(f, "{}, medians of the rounds", load.name())?;
            self.write_medians(f, load)?;
            self.write_ratios(f, load)?;
            self.write_costs(f, load)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values
        .get(middle.checked_sub(1)?)
        .map(|lower| f64::midpoint(*lower, upper))
}
