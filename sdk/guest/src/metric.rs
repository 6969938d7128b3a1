//! Metrics: counters, gauges and histograms with labels, defined when they are first used, or
//! before.
//!
//! The ABI knows no labels, so they become part of the name as in the C++ SDK:
//! `requests_total` with `result=ok` is `result.ok.requests_total`. Envoy's `stats_tags` can take
//! them out again.
//!
//! ```
//! use tollgate::metric::Counter;
//!
//! let requests = Counter::new("requests_total", ["result"]).define(&[["ok"], ["denied"]]);
//! requests.increment(["ok"]);
//! ```
//!
//! A series that most requests need can be kept by itself:
//!
//! ```
//! # use tollgate::metric::Counter;
//! let requests = Counter::new("requests_total", ["result"]);
//! let ok = requests.series(["ok"]);
//! ok.increment([]);
//! ```
//!
//! What is defined with the plugin is there with 0 from the start. In `stream` isolation it saves each
//! stream a definition of its own: what a stream defines goes with its memory.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;

use tollgate_abi::MetricType;

use crate::error::Error;
use crate::sys;

/// Label values beyond this many per metric are counted together as `other`: what a client can
/// choose must not fill the host's memory. `limit_series` sets another number.
const MAX_SERIES: usize = 1000;

/// Counts events.
#[derive(Debug)]
pub struct Counter<const N: usize>(Family<N>);

/// Holds a number that goes up and down.
#[derive(Debug)]
pub struct Gauge<const N: usize>(Family<N>);

/// Records a distribution.
#[derive(Debug)]
pub struct Histogram<const N: usize>(Family<N>);

impl<const N: usize> Counter<N> {
    /// Returns one series by itself, which is then recorded without being looked up among the others.
    /// It is defined now, and does not count for [`limit_series`](Self::limit_series).
    #[must_use]
    pub fn series(&self, values: [&str; N]) -> Counter<0> {
        Counter(self.0.alone(&values))
    }

    /// Sets how many combinations of label values are kept apart, instead of 1,000. Others are
    /// recorded together as `other`.
    #[must_use]
    pub fn limit_series(mut self, limit: usize) -> Self {
        self.0.limit = limit;
        self
    }

    /// Defines series now. Others are defined when they are first used.
    #[must_use]
    pub fn define(self, series: &[[&str; N]]) -> Self {
        self.0.define_all(series);
        self
    }

    /// Describes a counter; the host hears of it when it first counts, or by
    /// [`define`](Self::define).
    #[must_use]
    pub fn new(name: impl Into<String>, labels: [&'static str; N]) -> Self {
        Self(Family::new(MetricType::Counter, name.into(), labels))
    }

    /// Counts one event.
    pub fn increment(&self, values: [&str; N]) {
        self.add(values, 1);
    }

    /// Counts several events.
    pub fn add(&self, values: [&str; N], events: u64) {
        if let Ok(events @ 1..) = i64::try_from(events) {
            self.0.with(values, |id| sys::increment_metric(id, events));
        }
    }

    /// Returns the count, of all workers together.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn value(&self, values: [&str; N]) -> Result<u64, Error> {
        self.0.id(values).and_then(sys::metric)
    }
}

impl<const N: usize> Gauge<N> {
    /// Returns one series by itself, which is then recorded without being looked up among the others.
    /// It is defined now, and does not count for [`limit_series`](Self::limit_series).
    #[must_use]
    pub fn series(&self, values: [&str; N]) -> Gauge<0> {
        Gauge(self.0.alone(&values))
    }

    /// Sets how many combinations of label values are kept apart, instead of 1,000. Others are
    /// recorded together as `other`.
    #[must_use]
    pub fn limit_series(mut self, limit: usize) -> Self {
        self.0.limit = limit;
        self
    }

    /// Defines series now. Others are defined when they are first used.
    #[must_use]
    pub fn define(self, series: &[[&str; N]]) -> Self {
        self.0.define_all(series);
        self
    }

    /// Describes a gauge.
    #[must_use]
    pub fn new(name: impl Into<String>, labels: [&'static str; N]) -> Self {
        Self(Family::new(MetricType::Gauge, name.into(), labels))
    }

    /// Sets the number.
    pub fn set(&self, values: [&str; N], number: u64) {
        self.0.with(values, |id| sys::record_metric(id, number));
    }

    /// Adds to the number, or takes away from it.
    pub fn add(&self, values: [&str; N], difference: i64) {
        self.0
            .with(values, |id| sys::increment_metric(id, difference));
    }

    /// Returns the number.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn value(&self, values: [&str; N]) -> Result<u64, Error> {
        self.0.id(values).and_then(sys::metric)
    }
}

impl<const N: usize> Histogram<N> {
    /// Returns one series by itself, which is then recorded without being looked up among the others.
    /// It is defined now, and does not count for [`limit_series`](Self::limit_series).
    #[must_use]
    pub fn series(&self, values: [&str; N]) -> Histogram<0> {
        Histogram(self.0.alone(&values))
    }

    /// Sets how many combinations of label values are kept apart, instead of 1,000. Others are
    /// recorded together as `other`.
    #[must_use]
    pub fn limit_series(mut self, limit: usize) -> Self {
        self.0.limit = limit;
        self
    }

    /// Defines series now. Others are defined when they are first used.
    #[must_use]
    pub fn define(self, series: &[[&str; N]]) -> Self {
        self.0.define_all(series);
        self
    }

    /// Describes a histogram.
    #[must_use]
    pub fn new(name: impl Into<String>, labels: [&'static str; N]) -> Self {
        Self(Family::new(MetricType::Histogram, name.into(), labels))
    }

    /// Records one value.
    pub fn record(&self, values: [&str; N], value: u64) {
        self.0.with(values, |id| sys::record_metric(id, value));
    }
}

/// A metric and the series of its label values.
struct Family<const N: usize> {
    kind: MetricType,
    name: String,
    labels: [&'static str; N],
    limit: usize,
    /// Sorted by label values.
    series: Cell<Vec<Series<N>>>,
    /// The id of a metric without labels.
    only: Cell<Option<u32>>,
}

/// Label values with the host's id.
#[derive(Debug)]
struct Series<const N: usize> {
    values: [Box<str>; N],
    id: u32,
}

impl<const N: usize> fmt::Debug for Family<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut family = f.debug_struct("Family");
        family
            .field("name", &self.name)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl<const N: usize> Series<N> {
    fn compare(&self, values: &[&str; N]) -> Ordering {
        self.values
            .iter()
            .map(AsRef::as_ref)
            .cmp(values.iter().copied())
    }
}

impl<const N: usize> Family<N> {
    const fn new(kind: MetricType, name: String, labels: [&'static str; N]) -> Self {
        Self {
            kind,
            name,
            labels,
            limit: MAX_SERIES,
            series: Cell::new(Vec::new()),
            only: Cell::new(None),
        }
    }

    /// One series as a family without labels.
    fn alone(&self, values: &[&str; N]) -> Family<0> {
        let alone = Family::new(self.kind, self.full_name(values), []);
        alone.define_all(&[[]]);
        alone
    }

    fn define_all(&self, series: &[[&str; N]]) {
        for values in series {
            self.with(*values, |_| Ok(()));
        }
    }

    /// A metric that the host refuses must not end a request: the filter goes on without it.
    fn with(&self, values: [&str; N], record: impl FnOnce(u32) -> Result<(), Error>) {
        if let Err(error) = self.id(values).and_then(record) {
            crate::log::write_bytes(crate::log::LogLevel::Debug, error.call().as_bytes());
        }
    }

    fn id(&self, values: [&str; N]) -> Result<u32, Error> {
        if N == 0 {
            return self.only_id();
        }
        match self.known(&values) {
            Ok(id) => Ok(id),
            Err(series) if series < self.limit => self.define(&values),
            Err(_) => self
                .known(&["other"; N])
                .or_else(|_| self.define(&["other"; N])),
        }
    }

    fn only_id(&self) -> Result<u32, Error> {
        if let Some(id) = self.only.get() {
            return Ok(id);
        }
        let id = sys::define_metric(self.kind, self.name.as_bytes())?;
        self.only.set(Some(id));
        Ok(id)
    }

    /// The id of a series, or how many series there are.
    fn known(&self, values: &[&str; N]) -> Result<u32, usize> {
        let series = self.series.take();
        let found = series
            .binary_search_by(|series| series.compare(values))
            .ok();
        let id = found
            .and_then(|index| series.get(index))
            .map(|series| series.id);
        let result = id.ok_or(series.len());
        self.series.set(series);
        result
    }

    fn define(&self, values: &[&str; N]) -> Result<u32, Error> {
        let id = sys::define_metric(self.kind, self.full_name(values).as_bytes())?;
        let mut series = self.series.take();
        if let Err(place) = series.binary_search_by(|series| series.compare(values)) {
            series.insert(
                place,
                Series {
                    values: values.map(Box::from),
                    id,
                },
            );
        }
        self.series.set(series);
        Ok(id)
    }

    fn full_name(&self, values: &[&str; N]) -> String {
        let mut full = String::with_capacity(self.name.len() + 16 * N);
        for (label, value) in self.labels.iter().zip(values) {
            full.push_str(label);
            full.push('.');
            // A dot would end the value, and control characters have no place in a name.
            full.extend(
                value
                    .chars()
                    .map(|c| if c == '.' || c.is_control() { '_' } else { c }),
            );
            full.push('.');
        }
        full.push_str(&self.name);
        full
    }
}
