//! Shared state: the only state that VMs on different threads share.

mod data;
mod metric_table;
mod metrics;

pub(crate) use data::Namespace;
pub(crate) use metric_table::{MetricRef, MetricTable};

pub use data::{CasMismatch, SetError, SharedData, SharedLimits};
pub use metrics::{HistogramSnapshot, MetricRegistry, MetricSnapshot, MetricValue};

/// What all VMs of a process share. One per process, in an `Arc`.
#[derive(Debug, Default)]
pub struct SharedState {
    data: SharedData,
    metrics: MetricRegistry,
}

impl SharedState {
    /// Returns the key-value store.
    #[must_use]
    pub const fn data(&self) -> &SharedData {
        &self.data
    }

    /// Returns the metrics that plugins define.
    #[must_use]
    pub const fn metrics(&self) -> &MetricRegistry {
        &self.metrics
    }
}
