//! `MetricTable`: the metric ids of one VM.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollgate_abi::MetricType;

use super::SharedState;
use super::metrics::{Histogram, Metric};

/// What a metric id stands for.
#[derive(Debug)]
pub(crate) enum MetricRef<'a> {
    Counter(&'a AtomicU64),
    Gauge(&'a AtomicU64),
    Histogram(&'a Histogram),
}

/// The metrics that one VM has defined. Each definition gets a new id, also of the same name.
///
/// Clones share what is defined until one of them defines more.
#[derive(Clone, Debug)]
pub(crate) struct MetricTable {
    shared: Arc<SharedState>,
    limit: usize,
    defined: Arc<Defined>,
}

#[derive(Clone, Debug, Default)]
struct Defined {
    counters: Vec<Arc<Metric>>,
    gauges: Vec<Arc<Metric>>,
    histograms: Vec<Arc<Metric>>,
}

impl Defined {
    const fn len(&self) -> usize {
        self.counters.len() + self.gauges.len() + self.histograms.len()
    }
}

impl MetricTable {
    pub(crate) fn new(shared: Arc<SharedState>, limit: usize) -> Self {
        Self {
            shared,
            limit,
            defined: Arc::default(),
        }
    }

    /// Returns the id of a new definition, or `None` when there are too many.
    pub(crate) fn define(&mut self, kind: MetricType, name: &str) -> Option<u32> {
        if self.defined.len() >= self.limit {
            return None;
        }
        let metric = self.shared.metrics().define(kind, name)?;
        let defined = Arc::make_mut(&mut self.defined);
        let table = match kind {
            MetricType::Counter => &mut defined.counters,
            MetricType::Gauge => &mut defined.gauges,
            MetricType::Histogram => &mut defined.histograms,
        };
        table.push(metric);
        // The first id of each kind is 4 and up: ids below that have never been given out.
        u32::try_from(table.len())
            .ok()?
            .checked_mul(4)
            .map(|id| id | kind.to_u32())
    }

    /// Returns the metric of an id of this VM.
    pub(crate) fn find(&self, id: u32) -> Option<MetricRef<'_>> {
        let table = match MetricType::of_id(id)? {
            MetricType::Counter => &self.defined.counters,
            MetricType::Gauge => &self.defined.gauges,
            MetricType::Histogram => &self.defined.histograms,
        };
        let index = usize::try_from((id >> 2).checked_sub(1)?).ok()?;
        Some(match table.get(index)?.as_ref() {
            Metric::Counter(value) => MetricRef::Counter(value),
            Metric::Gauge(value) => MetricRef::Gauge(value),
            Metric::Histogram(histogram) => MetricRef::Histogram(histogram),
        })
    }
}
