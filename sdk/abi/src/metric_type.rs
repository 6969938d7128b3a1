//! `MetricType`: the three kinds of custom metrics, and how an id carries its kind.

use crate::numbered::numbered;

numbered! {
    /// The kind of a metric. The low two bits of a metric's id repeat it.
    pub enum MetricType {
        /// Only grows.
        Counter = 0,
        /// Goes up and down.
        Gauge = 1,
        /// A distribution of recorded values.
        Histogram = 2,
    }
}

impl MetricType {
    /// Returns the kind that a metric id carries, or `None` for low bits 3, which name no kind.
    #[must_use]
    pub const fn of_id(id: u32) -> Option<Self> {
        match id & 3 {
            0 => Some(Self::Counter),
            1 => Some(Self::Gauge),
            2 => Some(Self::Histogram),
            _ => None,
        }
    }
}
