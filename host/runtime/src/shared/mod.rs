//! Shared state: the only state that VMs on different threads share.

mod data;
mod lease;
#[cfg(feature = "engine")]
mod metric_table;
mod metrics;
mod queue;

use std::sync::Arc;

#[cfg(feature = "engine")]
pub(crate) use data::Namespace;
#[cfg(feature = "engine")]
pub(crate) use metric_table::{MetricRef, MetricTable};

pub use data::{CasMismatch, SetError, SharedData, SharedLimits};
pub use lease::VmIdLease;
pub use metrics::{HistogramSnapshot, MetricRegistry, MetricSnapshot, MetricValue};
pub use queue::{DequeueError, EnqueueError, QueueLimits, QueueNotifier, SharedQueues};

/// What all VMs of a process share. One per process, in an `Arc`.
#[derive(Debug, Default)]
pub struct SharedState {
    data: SharedData,
    queues: SharedQueues,
    metrics: MetricRegistry,
    leases: lease::Leases,
}

impl SharedState {
    /// Returns an empty state with these limits per VM id.
    #[must_use]
    pub fn with_limits(data: SharedLimits, queues: QueueLimits) -> Self {
        Self {
            data: SharedData::with_limits(data),
            queues: SharedQueues::with_limits(queues),
            ..Self::default()
        }
    }

    /// Returns the key-value store.
    #[must_use]
    pub const fn data(&self) -> &SharedData {
        &self.data
    }

    /// Returns the queues.
    #[must_use]
    pub const fn queues(&self) -> &SharedQueues {
        &self.queues
    }

    /// Keeps the data and the queues of a VM id until the returned lease is dropped.
    #[must_use]
    pub fn lease(self: &Arc<Self>, vm_id: &str) -> VmIdLease {
        VmIdLease::new(self, vm_id)
    }

    /// Returns the metrics that plugins define.
    #[must_use]
    pub const fn metrics(&self) -> &MetricRegistry {
        &self.metrics
    }
}
