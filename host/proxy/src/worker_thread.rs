//! A worker's thread: its runtime, the generations it serves one after the other, and its end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::runtime::LocalOptions;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use crate::error::ServerError;
use crate::generation::{Command, Materials, Published, Role, Serving, Sockets};
use crate::http::access_log::AccessLogWriter;
use crate::listener::{Accepting, ListenerKey};
use crate::server::Phase;
use crate::telemetry::{Hosts, Stats};
use crate::wasm::WasmRuntime;
use crate::worker::{self, WorkerShared};

/// What every worker is made from.
#[derive(Clone)]
pub(crate) struct WorkerPlan {
    pub(crate) wasm: Arc<WasmRuntime>,
    pub(crate) stats: Stats,
    pub(crate) hosts: Hosts,
    pub(crate) access_logs: Arc<AccessLogWriter>,
    pub(crate) own_address: IpAddr,
    pub(crate) role: Role,
}

/// A worker on its thread.
struct Worker {
    materials: Materials,
    published: Rc<Published>,
    accepting: HashMap<ListenerKey, Accepting>,
    /// What waits to be published.
    prepared: Option<(Rc<Serving>, Sockets)>,
    /// What was served before, as long as it may be returned to.
    previous: Option<Superseded>,
    /// Those that end.
    retiring: RefCell<Vec<Weak<Serving>>>,
}

/// A generation that is not served any more.
struct Superseded {
    serving: Rc<Serving>,
    deadline: Instant,
}

/// Runs a worker until its phase says otherwise. Tells `ready` once how its start went.
pub(crate) fn run(
    plan: WorkerPlan,
    commands: UnboundedReceiver<Command>,
    phase: watch::Receiver<Phase>,
    ready: &Sender<Result<(), ServerError>>,
) {
    // Wakes its tasks without the lock and the detour that a `LocalSet` has.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    match runtime {
        Ok(runtime) => {
            // Nobody waits for it any more if another worker has failed before.
            drop(ready.send(Ok(())));
            runtime.block_on(serve(plan, commands, phase));
        }
        Err(source) => {
            let what = "a worker's runtime";
            drop(ready.send(Err(ServerError::System { what, source })));
        }
    }
}

async fn serve(
    plan: WorkerPlan,
    commands: UnboundedReceiver<Command>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut worker = Worker::new(plan);
    tokio::select! {
        () = wait_for(&mut phase, |phase| phase != Phase::Serving) => {}
        () = worker.obey(commands) => {}
    }
    worker.accepting.clear();
    let generations = worker.generations();
    let timeouts = generations
        .iter()
        .map(|serving| serving.generation().drain_timeout());
    let timeout = timeouts.max().unwrap_or_default();
    tokio::select! {
        // Connections that are left after that are closed with the runtime.
        _ = tokio::time::timeout(timeout, worker.materials.shared.drain()) => {}
        () = wait_for(&mut phase, |phase| phase == Phase::Stopped) => {}
    }
    generations.iter().for_each(|serving| serving.shut_down());
}

/// Waits for a phase; that nobody directs the worker any more counts as every phase.
async fn wait_for(phase: &mut watch::Receiver<Phase>, reached: impl Fn(Phase) -> bool) {
    drop(phase.wait_for(|phase| reached(*phase)).await);
}

impl Worker {
    fn new(plan: WorkerPlan) -> Self {
        let shared = WorkerShared {
            timeouts: Rc::default(),
            random: Rc::default(),
            connections: Rc::default(),
            own_address: plan.own_address,
            stats: plan.stats,
            access_logs: plan.access_logs,
        };
        shared.timeouts.start();
        Self {
            materials: Materials {
                wasm: plan.wasm,
                hosts: plan.hosts,
                role: plan.role,
                shared,
            },
            published: Rc::default(),
            accepting: HashMap::new(),
            prepared: None,
            previous: None,
            retiring: RefCell::default(),
        }
    }

    /// Does what it is told until nobody can tell it anything any more.
    async fn obey(&mut self, mut commands: UnboundedReceiver<Command>) {
        while let Some(command) = commands.recv().await {
            match command {
                Command::Prepare {
                    generation,
                    sockets,
                    ready,
                } => {
                    let before = self.published.get();
                    let before = before.as_deref();
                    let prepared = Serving::prepare(&self.materials, &generation, before).await;
                    let outcome = prepared.map(|new| self.prepared = Some((new, sockets)));
                    drop(ready.send(outcome));
                }
                Command::Discard => self.prepared = None,
                Command::Publish { drain, done } => {
                    self.publish_prepared(drain);
                    drop(done);
                }
                Command::Return {
                    sockets,
                    drain,
                    done,
                } => {
                    self.go_back(sockets, drain);
                    drop(done);
                }
                Command::Release => self.release(),
            }
        }
    }

    fn publish_prepared(&mut self, drain: Duration) {
        if let Some((new, sockets)) = self.prepared.take() {
            self.publish(&new, sockets, drain);
        }
    }

    fn go_back(&mut self, sockets: Sockets, drain: Duration) {
        if let Some(Superseded { serving, .. }) = self.previous.take() {
            self.publish(&serving, sockets, drain);
            self.release();
        }
    }

    /// Serves another generation: the swap. Streams that there are go on with theirs, which have
    /// `drain` for it.
    fn publish(&mut self, new: &Rc<Serving>, sockets: Sockets, drain: Duration) {
        let before = self.published.set(new);
        new.serve();
        if let Some(before) = &before {
            before.rest(new);
        }
        let removed = self
            .accepting
            .extract_if(|key, _| new.listener(key).is_none());
        for (key, accepting) in removed {
            let last = before.as_ref().and_then(|before| before.listener(&key));
            accepting.stop(last.cloned());
        }
        for (key, socket) in sockets {
            match Accepting::start(socket, key.clone(), Rc::clone(&self.published)) {
                Ok(accepting) => drop(self.accepting.insert(key, accepting)),
                Err(error) => tracing::error!(?key, %error, "cannot accept"),
            }
        }
        // Connections without a stream let go of what they knew.
        self.materials.shared.timeouts.check_all(Instant::now());
        self.release();
        let deadline = Instant::now() + drain;
        self.previous = before.map(|serving| Superseded { serving, deadline });
    }

    /// What was served before is not returned to any more: it ends.
    fn release(&mut self) {
        let Some(Superseded { serving, deadline }) = self.previous.take() else {
            return;
        };
        let mut retiring = self.retiring.borrow_mut();
        retiring.retain(|serving| serving.strong_count() > 0);
        retiring.push(Rc::downgrade(&serving));
        let timeouts = Rc::clone(&self.materials.shared.timeouts);
        worker::spawn(async move { serving.retire(deadline, &timeouts).await });
    }

    /// Returns all generations that have not ended.
    fn generations(&self) -> Vec<Rc<Serving>> {
        let retiring = self.retiring.borrow();
        let previous = self.previous.as_ref();
        let previous = previous.map(|previous| Rc::clone(&previous.serving));
        let retiring = retiring.iter().filter_map(Weak::upgrade);
        self.published
            .get()
            .into_iter()
            .chain(previous)
            .chain(retiring)
            .collect()
    }
}
