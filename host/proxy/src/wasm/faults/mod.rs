//! Faults of plugins: counted and grouped at once, explained later on a thread of their own.
//!
//! The one decision to know: a worker only counts. Reading DWARF for a stack takes milliseconds, and
//! a request that crashes must not make others wait; so a fault whose like is known costs a worker
//! one look-up, and only a new one, or a new example of it, is sent to the reporter.

mod files;
mod group;
mod reporter;
mod store;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tollgate_config::DiagnosisSettings;
use tollgate_runtime::{Fault, FaultKind, Module};

pub(crate) use group::{FaultGroup, FaultSample};
use reporter::{Report, Reporter};
use store::{FaultKey, FaultStore, Next};

/// Most faults that wait for the reporter.
const QUEUE: usize = 256;

/// Takes the faults of all workers. One per process, in an `Arc`.
pub(crate) struct FaultSink {
    store: Arc<FaultStore>,
    settings: ArcSwap<DiagnosisSettings>,
    /// Started by the first fault: without one there is no thread.
    reporter: Mutex<Option<Reporter>>,
}

impl FaultSink {
    /// Returns a sink that has seen no fault.
    pub(crate) fn new(settings: &DiagnosisSettings) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::default(),
            settings: ArcSwap::from_pointee(settings.clone()),
            reporter: Mutex::default(),
        })
    }

    /// Keeps of later faults what these settings say.
    pub(crate) fn configure(&self, settings: &DiagnosisSettings) {
        self.settings.store(Arc::new(settings.clone()));
    }

    /// Takes a fault of an instance of this module. What an embedder's mistake or an earlier fault
    /// has caused is left out.
    /// `core` gives its core dump; it is asked only where one is wanted, for it takes time.
    pub(crate) fn record(
        &self,
        fault: &Fault,
        module: &Module,
        now: SystemTime,
        core: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        if matches!(fault.kind, FaultKind::VmFailed | FaultKind::UnknownContext) {
            return;
        }
        let key = FaultKey::new(fault, module);
        if self.store.count(&key, now) == Next::Done {
            return;
        }
        let mut fault = fault.clone();
        let calls = &mut fault.details.hostcalls;
        let settings = self.settings.load();
        calls.drain(..calls.len().saturating_sub(settings.last_hostcalls));
        self.send(Box::new(Report {
            key,
            fault,
            module: module.clone(),
            at: now,
            bundles: settings.bundles.clone(),
            core: settings
                .coredumps
                .clone()
                .and_then(|folder| Some((folder, core()?))),
        }));
    }

    fn send(&self, report: Box<Report>) {
        let mut reporter = self.reporter.lock();
        if reporter.is_none() {
            *reporter = Reporter::start(&self.store, QUEUE);
        }
        let sent = reporter.as_ref().map(|reporter| reporter.send(report));
        match sent {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(report))) => self.store.forgo(&report.key),
            Some(Err(TrySendError::Disconnected(report))) => {
                self.store.forgo(&report.key);
                *reporter = None;
            }
            None => self.store.forgo_all(),
        }
    }

    /// Waits until all faults so far are explained and their files written: the process may end.
    pub(crate) fn finish(&self) {
        let reporter = self.reporter.lock().take();
        if let Some(reporter) = reporter {
            reporter.finish();
        }
    }

    /// Returns the groups, the latest fault first.
    pub(crate) fn groups(&self) -> Vec<FaultGroup> {
        self.store.groups()
    }

    /// Returns how many faults came so fast that they were counted in no group.
    pub(crate) fn unexamined(&self) -> u64 {
        self.store.unexamined()
    }
}

impl fmt::Debug for FaultSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultSink")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
