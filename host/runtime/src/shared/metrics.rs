//! `MetricRegistry`: the metrics that plugins define, by name, for the whole process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tollgate_abi::MetricType;

/// Upper bounds of histogram buckets: Envoy's defaults, for values in milliseconds.
pub(crate) const BUCKETS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

/// Most names of one process; a guest that makes names of what clients send would grow it for ever.
const MAX_METRICS: usize = 100_000;

/// A metric's value at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// Only grows.
    Counter(u64),
    /// Goes up and down; wraps below zero, as in Envoy.
    Gauge(u64),
    /// A distribution.
    Histogram(HistogramSnapshot),
}

/// A distribution at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistogramSnapshot {
    /// Upper bound and how many values were at most that, smallest bound first.
    pub buckets: Vec<(f64, u64)>,
    /// How many values were recorded.
    pub count: u64,
    /// Their sum, wrapping.
    pub sum: u64,
}

/// A metric at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricSnapshot {
    /// The name as the guest gave it.
    pub name: String,
    /// Its kind.
    pub kind: MetricType,
    /// Its value.
    pub value: MetricValue,
}

/// A metric that all VMs share.
#[derive(Debug)]
pub(crate) enum Metric {
    Counter(AtomicU64),
    Gauge(AtomicU64),
    Histogram(Box<Histogram>),
}

/// The distribution behind a histogram.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    sum: AtomicU64,
}

impl Histogram {
    pub(crate) fn record(&self, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
        let position = BUCKETS.iter().position(|bound| value as f64 <= *bound);
        if let Some(bucket) = position.and_then(|position| self.buckets.get(position)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    fn snapshot(&self) -> HistogramSnapshot {
        let mut total = 0;
        let buckets = BUCKETS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            total += bucket.load(Ordering::Relaxed);
            (*bound, total)
        });
        HistogramSnapshot {
            buckets: buckets.collect(),
            count: self.count.load(Ordering::Relaxed),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Metric {
    fn new(kind: MetricType) -> Self {
        match kind {
            MetricType::Counter => Self::Counter(AtomicU64::new(0)),
            MetricType::Gauge => Self::Gauge(AtomicU64::new(0)),
            MetricType::Histogram => Self::Histogram(Box::default()),
        }
    }

    fn snapshot(&self) -> MetricValue {
        match self {
            Self::Counter(value) => MetricValue::Counter(value.load(Ordering::Relaxed)),
            Self::Gauge(value) => MetricValue::Gauge(value.load(Ordering::Relaxed)),
            Self::Histogram(histogram) => MetricValue::Histogram(histogram.snapshot()),
        }
    }
}

/// The same name may be a counter and a gauge: those are two metrics.
type MetricKey = (String, MetricType);

/// All metrics that plugins have defined. The same name and kind is the same metric.
#[derive(Debug, Default)]
pub struct MetricRegistry {
    metrics: RwLock<BTreeMap<MetricKey, Arc<Metric>>>,
}

impl MetricRegistry {
    /// Returns every metric with its value now, in the order of names.
    #[must_use]
    pub fn snapshot(&self) -> Vec<MetricSnapshot> {
        let metrics = self.metrics.read();
        let snapshot = metrics.iter().map(|((name, kind), metric)| MetricSnapshot {
            name: name.clone(),
            kind: *kind,
            value: metric.snapshot(),
        });
        snapshot.collect()
    }

    /// Returns the metric of that name and kind, or `None` when there are too many names.
    pub(crate) fn define(&self, kind: MetricType, name: &str) -> Option<Arc<Metric>> {
        let key = (name.to_owned(), kind);
        // Most definitions repeat one of another VM or instance.
        if let Some(metric) = self.metrics.read().get(&key) {
            return Some(Arc::clone(metric));
        }
        let mut metrics = self.metrics.write();
        let count = metrics.len();
        if let Some(metric) = metrics.get(&key) {
            return Some(Arc::clone(metric));
        }
        if count >= MAX_METRICS {
            return None;
        }
        let metric = Arc::new(Metric::new(kind));
        metrics.insert(key, Arc::clone(&metric));
        Some(metric)
    }
}
