//! `StateWatch`: warns of plugins that keep state in their memory from one stream to the next.
//!
//! A worker only passes on what has ended. Playing it again takes as long as it took, and more, so
//! that is done on a thread of its own, which leaves out VMs that it cannot follow.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;
use tollgate_config::Isolation;
use tollgate_runtime::{Divergence, Finished, KeptState, LoadError, Module, StateCheck, Vm};

use super::isolation;
use crate::telemetry::{Counter, Stats};

/// Most ends that wait to be looked at.
const QUEUE: usize = 1_024;
/// Most VMs that are followed; those of old generations go first.
const MAX_VMS: usize = 64;

/// Takes what ends in the VMs of all workers. One per process.
#[derive(Debug)]
pub(super) struct StateChecks {
    last_vm: AtomicU64,
    counters: Counters,
    /// Started by the first end: without one there is no thread.
    thread: Mutex<Option<SyncSender<Ended>>>,
}

#[derive(Clone, Debug)]
struct Counters {
    looked_at: Counter,
    found: Counter,
}

/// The watch over one VM and its instances, on its worker.
pub(super) struct StateWatch {
    checks: Arc<StateChecks>,
    vm: u64,
    isolation: Isolation,
    is_followed: Cell<bool>,
    is_first: Cell<bool>,
}

/// What has ended in a VM.
struct Ended {
    vm: u64,
    is_first: bool,
    isolation: Isolation,
    module: Module,
    finished: Finished,
}

impl StateWatch {
    /// Returns a watch over a new VM.
    pub(super) fn new(checks: &Arc<StateChecks>, isolation: Isolation) -> Self {
        Self {
            checks: Arc::clone(checks),
            vm: checks.last_vm.fetch_add(1, Ordering::Relaxed) + 1,
            isolation,
            is_followed: Cell::new(true),
            is_first: Cell::new(true),
        }
    }

    /// Passes on what has ended in the VM, or in an instance of its snapshot.
    pub(super) fn take_from(&self, vm: &mut Vm) {
        let Some(finished) = vm.take_finished().filter(|_| self.is_followed.get()) else {
            return;
        };
        let sent = self.checks.send(Ended {
            vm: self.vm,
            is_first: self.is_first.replace(false),
            isolation: self.isolation,
            module: vm.module().clone(),
            finished,
        });
        // What comes after something that is missing proves nothing.
        self.is_followed.set(sent);
    }
}

impl StateChecks {
    /// Returns checks that nothing was passed to.
    pub(super) fn new(stats: &Stats) -> Arc<Self> {
        let counter = |name: &str| stats.counter(&format!("wasm.kept_state.{name}"));
        Arc::new(Self {
            last_vm: AtomicU64::new(0),
            counters: Counters {
                looked_at: counter("looked_at"),
                found: counter("found"),
            },
            thread: Mutex::default(),
        })
    }

    fn send(&self, ended: Ended) -> bool {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            *thread = start(&self.counters);
        }
        let queue = thread.as_ref();
        queue.is_some_and(|queue| queue.try_send(ended).is_ok())
    }
}

/// Starts the thread, which ends with the sender.
fn start(counters: &Counters) -> Option<SyncSender<Ended>> {
    let (sender, queue) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new().name("wasm-state".to_owned());
    let counters = counters.clone();
    let started = thread.spawn(move || run(&queue, &counters));
    started
        .inspect_err(|error| tracing::error!(target: "wasm", %error, "no thread for kept state"))
        .ok()?;
    Some(sender)
}

fn run(queue: &Receiver<Ended>, counters: &Counters) {
    let mut checks = BTreeMap::new();
    let mut told = HashSet::new();
    while let Ok(ended) = queue.recv() {
        let found = examine(&mut checks, &ended).unwrap_or_else(|error| {
            tracing::warn!(target: "wasm", %error, "kept state is not looked for");
            checks.remove(&ended.vm);
            None
        });
        counters.looked_at.inc();
        let Some(found) = found else { continue };
        counters.found.inc();
        let plugin = ended.finished.plugins.join(", ");
        // All workers find the same.
        if told.insert((plugin.clone(), ended.module.serial())) {
            let found = Finding {
                found: &found,
                isolation: ended.isolation,
            };
            tracing::warn!(target: "wasm", plugin, "{found}");
        }
    }
}

fn examine(
    checks: &mut BTreeMap<u64, StateCheck>,
    ended: &Ended,
) -> Result<Option<KeptState>, LoadError> {
    if ended.is_first {
        let isolation = isolation::to_runtime(ended.isolation);
        let check = StateCheck::new(&ended.module, isolation, &ended.finished)?;
        checks.extend(check.map(|check| (ended.vm, check)));
        if checks.len() > MAX_VMS {
            checks.pop_first();
        }
    }
    let Some(check) = checks.get_mut(&ended.vm) else {
        return Ok(None);
    };
    let found = check.check(&ended.finished)?;
    if check.is_over() {
        checks.remove(&ended.vm);
    }
    Ok(found)
}

/// What was found, for people.
struct Finding<'a> {
    found: &'a KeptState,
    isolation: Isolation,
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keeps state in its memory from one request to the next")?;
        let (loses, other) = match self.isolation {
            Isolation::Worker => ("would lose", "without what earlier requests left"),
            Isolation::Stream => ("loses", "with what earlier requests left"),
        };
        let name = |call: &Option<String>| match call {
            Some(call) => call.clone(),
            None => "nothing more".to_owned(),
        };
        let mut differs = |what: &str, divergence: &Divergence| {
            let (was, is) = (name(&divergence.recorded), name(&divergence.made));
            let number = divergence.hostcall;
            write!(
                f,
                ": {what}, hostcall {number} was {was}; {other} it is {is}"
            )
        };
        match self.found {
            KeptState::Stream(divergence) => differs("in a request", divergence)?,
            KeptState::RootCallback(divergence) => {
                differs("in a callback of its root", divergence)?;
            }
            KeptState::Fault(fault) => write!(f, ": {other} it crashes: {fault}")?,
            KeptState::Growth { bytes } => {
                let kib = bytes / 1024;
                write!(f, ": {kib} KiB so far, more than requests need one by one")?;
            }
            _ => {}
        }
        write!(
            f,
            ". Isolation `stream` {loses} it; keep it in shared data, or choose `worker`"
        )
    }
}

impl fmt::Debug for StateWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateWatch")
            .field("vm", &self.vm)
            .field("is_followed", &self.is_followed)
            .finish_non_exhaustive()
    }
}
