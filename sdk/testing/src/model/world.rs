//! World: what surrounds a filter apart from its streams: time, log, clusters.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tollgate_abi::{LogLevel, MetricType, Status};
use tollgate_runtime::{MetricValue, PropertyValue, SharedState, VmIdLease};

use super::grpc::GrpcStreams;
use super::metrics::{Metrics, Reading};
use super::schedule::{Happening, Schedule};
use crate::dns::DnsAnswer;
use crate::fault::Injections;
use crate::grpc::GrpcHandler;
use crate::upstream::{Handler, UpstreamRequest};

/// 2026-01-01: a time that a test can rely on without choosing one.
const DEFAULT_TIME: u64 = 1_767_225_600_000_000_000;

/// What a test answers to a foreign function's arguments.
pub(crate) type ForeignFunction = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, Status>>;

/// News of an item in a queue: worker, and the queue's token.
pub(crate) type QueueNews = (usize, u32);

/// Time, log, clusters and what all workers of one test share.
pub(crate) struct World {
    pub(crate) now: Cell<u64>,
    pub(crate) log: RefCell<Vec<(LogLevel, String)>>,
    pub(crate) log_level: Cell<LogLevel>,
    pub(crate) clusters: RefCell<BTreeMap<String, Option<Handler>>>,
    pub(crate) callouts: RefCell<Vec<(String, UpstreamRequest)>>,
    /// gRPC methods by cluster and path.
    pub(crate) grpc: RefCell<BTreeMap<(String, String), GrpcHandler>>,
    pub(crate) grpc_streams: GrpcStreams,
    pub(crate) foreign_functions: RefCell<BTreeMap<Vec<u8>, ForeignFunction>>,
    pub(crate) names: RefCell<BTreeMap<String, DnsAnswer>>,
    pub(crate) properties: RefCell<BTreeMap<Vec<u8>, PropertyValue>>,
    pub(crate) plugin: RefCell<Plugin>,
    pub(crate) schedule: Schedule,
    pub(crate) metrics: Metrics,
    pub(crate) injections: Injections,
    pub(crate) shared: Arc<SharedState>,
    /// What a filter has stored outlives its VM, as it outlives a restart in a proxy.
    _lease: VmIdLease,
    pub(crate) news: Sender<QueueNews>,
    received_news: Receiver<QueueNews>,
}

/// How the plugin is configured beside its own configuration.
#[derive(Debug, Default)]
pub(crate) struct Plugin {
    pub(crate) root_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) allows_stop_iteration: bool,
    pub(crate) is_access_logger: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let shared = Arc::<SharedState>::default();
        let (news, received_news) = channel();
        Self {
            now: Cell::new(DEFAULT_TIME),
            log: RefCell::default(),
            log_level: Cell::new(LogLevel::Trace),
            clusters: RefCell::default(),
            callouts: RefCell::default(),
            grpc: RefCell::default(),
            grpc_streams: GrpcStreams::default(),
            foreign_functions: RefCell::default(),
            names: RefCell::default(),
            properties: RefCell::default(),
            plugin: RefCell::default(),
            schedule: Schedule::default(),
            metrics: Metrics::default(),
            injections: Injections::default(),
            _lease: shared.lease(""),
            shared,
            news,
            received_news,
        }
    }

    /// Goes to the next thing at or before `limit`, and says what it is and for which worker.
    pub(crate) fn next(&self, limit: u64) -> Option<(usize, Happening)> {
        for (worker, token) in self.received_news.try_iter() {
            let what = Happening::Queue { token };
            self.schedule.add(worker, self.now.get(), what);
        }
        let (due, worker, what) = self.schedule.take_next(limit)?;
        self.now.set(self.now.get().max(due));
        Some((worker, what))
    }

    /// Has something happen to a worker after some time.
    pub(crate) fn after(&self, delay: Duration, worker: usize, what: Happening) {
        let due = self.now.get().saturating_add(nanos(delay));
        self.schedule.add(worker, due, what);
    }

    /// Every metric: those of native filters, and those that modules have defined.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        let of_modules = self.shared.metrics().snapshot();
        let of_modules = of_modules.into_iter().filter_map(|metric| {
            let (value, sum) = match metric.value {
                MetricValue::Counter(value) | MetricValue::Gauge(value) => (value, 0),
                MetricValue::Histogram(histogram) => (histogram.count, histogram.sum),
                _ => return None,
            };
            Some(Reading {
                name: metric.name,
                kind: metric.kind,
                value,
                sum,
            })
        });
        of_modules.chain(self.metrics.readings()).collect()
    }

    /// Finds a metric of a kind, or of any.
    pub(crate) fn reading(&self, name: &str, kind: Option<MetricType>) -> Option<Reading> {
        let mut readings = self.readings().into_iter();
        readings.find(|metric| metric.name == name && kind.is_none_or(|kind| kind == metric.kind))
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX / 4)
        .min(u64::MAX / 4)
}
