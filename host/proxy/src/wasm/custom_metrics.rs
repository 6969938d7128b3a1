//! Plugins' own metrics among the statistics, as `wasmcustom.*`.

use std::sync::Arc;

use tollgate_runtime::{HistogramSnapshot, MetricSnapshot, MetricValue, SharedState};

use crate::telemetry::{Distribution, StatSnapshot, StatSource, StatValue};

/// Larger than the last bound of a plugin's histogram, one hour in milliseconds.
const BEYOND: f64 = 7_200_000.0;

/// The metrics that all VMs share.
pub(super) struct CustomMetrics(pub(super) Arc<SharedState>);

impl StatSource for CustomMetrics {
    fn collect(&self, out: &mut Vec<StatSnapshot>) {
        let metrics = self.0.metrics().snapshot().into_iter();
        out.extend(metrics.filter_map(to_stat));
    }
}

fn to_stat(metric: MetricSnapshot) -> Option<StatSnapshot> {
    let value = match metric.value {
        MetricValue::Counter(count) => StatValue::Counter(count),
        MetricValue::Gauge(value) => StatValue::Gauge(value),
        MetricValue::Histogram(histogram) => StatValue::Histogram {
            total: to_distribution(&histogram),
            interval: Distribution::default(),
        },
        // A kind that later versions of the runtime may add.
        _ => return None,
    };
    Some(StatSnapshot {
        name: format!("wasmcustom.{}", metric.name),
        value,
        used: true,
    })
}

/// Buckets tell only that values were at most their bound, so each value counts as its bound.
fn to_distribution(histogram: &HistogramSnapshot) -> Distribution {
    let mut distribution = Distribution::default();
    let mut below = 0;
    for (bound, up_to) in &histogram.buckets {
        distribution.add(*bound, 0.0, up_to.saturating_sub(below));
        below = *up_to;
    }
    distribution.add(BEYOND, 0.0, histogram.count.saturating_sub(below));
    distribution.sum = histogram.sum;
    distribution
}
