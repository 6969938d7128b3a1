//! `WorkerServices`: what a worker gives its VMs apart from streams.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tollgate_config::LimitSettings;
use tollgate_runtime::abi::limits::MAX_CALLOUT_BODY_BYTES;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, Fault, GrpcCall, GrpcStream, HostServices, HttpCall,
    HttpCallResponse, LogOrigin, Module, PropertyResult, QueueNotifier,
};

use super::current_clusters::CurrentClusters;
use super::grpc::{Caller, GrpcCallouts};
use super::health::PluginHealth;
use super::in_flight::InFlight;
use super::properties::{self, ProxyFacts};
use super::queue_news::QueueNews;
use super::runtime::WasmRuntime;
use super::state_watch::StateWatch;
use super::stats::WasmStats;
use super::timers::Timers;
use super::vm::WorkerVm;
use super::{clock, dns, log};
use crate::callout::{CalloutError, HttpCallout, HttpCalloutResponse};
use crate::worker;

/// Most callouts of one VM that wait for an answer.
const MAX_CALLOUTS: usize = 10_000;

/// Most DNS lookups of one VM that wait for an answer: each occupies a thread.
const MAX_LOOKUPS: usize = 64;

/// The services of one VM on one worker.
pub(super) struct WorkerServices {
    shared: Rc<SharedServices>,
    grpc: GrpcCallouts,
    vm: OnceCell<Weak<WorkerVm>>,
}

/// What a root VM shares with the instances of its streams.
pub(super) struct SharedServices {
    runtime: Arc<WasmRuntime>,
    clusters: Rc<CurrentClusters>,
    facts: Rc<ProxyFacts>,
    timers: Timers,
    queue_news: QueueNews,
    callouts: InFlight,
    lookups: InFlight,
    healths: RefCell<Vec<Rc<PluginHealth>>>,
    stats: WasmStats,
    root_vm: OnceCell<Weak<WorkerVm>>,
    state_watch: OnceCell<StateWatch>,
}

impl SharedServices {
    pub(super) fn new(
        runtime: &Arc<WasmRuntime>,
        clusters: &Rc<CurrentClusters>,
        facts: &Rc<ProxyFacts>,
        limits: &LimitSettings,
        stats: &WasmStats,
    ) -> Rc<Self> {
        let max_callouts = limits.callouts.unwrap_or(MAX_CALLOUTS);
        Rc::new(Self {
            runtime: Arc::clone(runtime),
            clusters: Rc::clone(clusters),
            facts: Rc::clone(facts),
            timers: Timers::default(),
            queue_news: QueueNews::default(),
            callouts: InFlight::new(max_callouts, "callouts"),
            lookups: InFlight::new(MAX_LOOKUPS, "lookups"),
            healths: RefCell::default(),
            stats: stats.clone(),
            root_vm: OnceCell::new(),
            state_watch: OnceCell::new(),
        })
    }

    /// Has what ends in the VM and its instances looked at for state that is kept.
    pub(super) fn watch_state(&self, watch: StateWatch) {
        self.state_watch.get_or_init(|| watch);
    }

    pub(super) fn state_watch(&self) -> Option<&StateWatch> {
        self.state_watch.get()
    }

    /// A plugin runs in the VM.
    pub(super) fn add_health(&self, health: &Rc<PluginHealth>) {
        let mut healths = self.healths.borrow_mut();
        if !healths.iter().any(|known| Rc::ptr_eq(known, health)) {
            healths.push(Rc::clone(health));
        }
    }

    /// Takes the place of a VM that has failed, with all its plugins.
    pub(super) fn succeed(&self, failed: &Self) {
        self.healths
            .borrow_mut()
            .clone_from(&failed.healths.borrow());
        self.timers.succeed(&failed.timers);
        self.queue_news.succeed(&failed.queue_news);
    }

    /// Returns whom ticks and news of queues go to, whoever of the VM asked for them.
    pub(super) fn root_vm(&self) -> Weak<WorkerVm> {
        self.root_vm.get().cloned().unwrap_or_default()
    }
}

impl WorkerServices {
    pub(super) fn new(shared: &Rc<SharedServices>) -> Rc<Self> {
        Rc::new(Self {
            shared: Rc::clone(shared),
            grpc: GrpcCallouts::default(),
            vm: OnceCell::new(),
        })
    }

    pub(super) const fn shared(&self) -> &Rc<SharedServices> {
        &self.shared
    }

    /// Tells the services whom answers go to. The first VM of those that share is the root VM.
    pub(super) fn attach(&self, vm: &Rc<WorkerVm>) {
        // A second call would come from a second VM, which has services of its own.
        let vm = self.vm.get_or_init(|| Rc::downgrade(vm));
        self.shared.root_vm.get_or_init(|| Weak::clone(vm));
    }

    pub(super) fn facts(&self) -> Rc<ProxyFacts> {
        Rc::clone(&self.shared.facts)
    }

    /// Says whether a root serves: only then its timer runs.
    pub(super) fn set_serving(&self, root: ContextId, serves: bool) {
        let vm = self.shared.root_vm();
        self.shared.timers.set_serving(&vm, root, serves);
        self.shared.queue_news.set_serving(root, serves);
    }

    /// Logs a fault.
    pub(super) fn log_fault(&self, fault: &Fault) {
        self.shared.runtime.fault_log().write(fault, Instant::now());
    }

    /// Logs a fault that has ended the VM, and counts it.
    pub(super) fn note_fault(
        &self,
        fault: &Fault,
        module: &Module,
        core: impl FnOnce() -> Option<Vec<u8>>,
    ) {
        self.log_fault(fault);
        let faults = self.shared.runtime.faults();
        faults.record(fault, module, SystemTime::now(), core);
        let now = Instant::now();
        let healths = self.shared.healths.borrow();
        if let Some(health) = healths.iter().find(|health| health.is_of(&fault.plugin)) {
            health.count_fault(fault, now);
        }
    }

    /// Gives up all that the VM waits for: it has failed.
    pub(super) fn stop(&self) {
        self.grpc.cancel_all();
        if self.are_of_the_root_vm() {
            self.shared.timers.stop();
            for health in self.shared.healths.borrow().iter() {
                health.note_failed_vm();
            }
        }
    }

    /// Returns whether they are those of the VM of plugins.
    pub(super) fn are_of_the_root_vm(&self) -> bool {
        let root_vm = self.shared.root_vm.get();
        let mine = self.vm.get().zip(root_vm);
        mine.is_some_and(|(vm, root_vm)| vm.ptr_eq(root_vm))
    }

    fn caller(&self, root: ContextId, token: u32) -> Caller {
        let vm = self.vm();
        Caller { vm, root, token }
    }

    fn vm(&self) -> Weak<WorkerVm> {
        self.vm.get().cloned().unwrap_or_default()
    }
}

impl HostServices for WorkerServices {
    fn log(&self, origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        log::write(origin, level, message);
    }

    fn log_level(&self) -> Option<LogLevel> {
        log::level()
    }

    fn realtime_nanos(&self) -> u64 {
        clock::realtime_nanos()
    }

    fn monotonic_nanos(&self) -> u64 {
        clock::monotonic_nanos()
    }

    fn fill_random(&self, out: &mut [u8]) {
        clock::fill_random(out);
    }

    fn set_tick_period(&self, root: ContextId, period: Option<Duration>) {
        self.shared.timers.set(self.shared.root_vm(), root, period);
    }

    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        let permit = self.shared.callouts.start()?;
        let clusters = self.shared.clusters.with(&call.upstream);
        let answer = to_callout(call)
            .start(&clusters)
            .map_err(|error| refusal(&error))?;
        let vm = self.vm();
        worker::spawn(async move {
            let response = answer.await;
            drop(permit);
            if let Some(vm) = vm.upgrade() {
                let response = to_response(response);
                vm.notify(|vm| vm.on_http_call_response(root, token, response));
            }
        });
        Ok(())
    }

    fn has_cluster(&self, name: &str) -> bool {
        self.shared.clusters.get(name).is_some()
    }

    fn start_grpc_call(
        &self,
        root: ContextId,
        token: u32,
        call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        let (permit, caller) = (self.shared.callouts.start()?, self.caller(root, token));
        let clusters = self.shared.clusters.with(&call.service.cluster);
        self.grpc.start_call(caller, call, &clusters, permit)
    }

    fn start_grpc_stream(
        &self,
        root: ContextId,
        token: u32,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        let (permit, caller) = (self.shared.callouts.start()?, self.caller(root, token));
        let clusters = self.shared.clusters.with(&stream.service.cluster);
        self.grpc.start_stream(caller, stream, &clusters, permit)
    }

    fn send_grpc_message(
        &self,
        token: u32,
        message: Bytes,
        end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        self.grpc.send(token, &message, end_of_stream)
    }

    fn close_grpc_stream(&self, token: u32) {
        self.grpc.close(token);
    }

    fn cancel_grpc(&self, token: u32) {
        self.grpc.cancel(token);
    }

    fn resolve_dns(&self, root: ContextId, token: u32, name: &str) -> Result<(), CalloutRefusal> {
        let permit = self.shared.lookups.start()?;
        let (vm, name) = (self.vm(), name.to_owned());
        worker::spawn(async move {
            let found = dns::resolve(&name).await;
            drop(permit);
            if let Some(vm) = vm.upgrade() {
                vm.notify(|vm| vm.on_resolve_dns(root, token, found.as_deref()));
            }
        });
        Ok(())
    }

    fn queue_notifier(&self, root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        let news = &self.shared.queue_news;
        Some(news.notifier(self.shared.root_vm(), root))
    }

    fn limit_hit(&self, limit: &'static str) {
        self.shared.stats.limit_hit(limit);
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::root_property(&self.shared.facts, path)
    }
}

pub(super) fn to_callout(call: HttpCall) -> HttpCallout {
    HttpCallout {
        cluster: call.upstream,
        headers: call.headers,
        body: call.body,
        timeout: call.timeout,
        max_response_bytes: MAX_CALLOUT_BODY_BYTES,
    }
}

fn to_response(response: HttpCalloutResponse) -> HttpCallResponse {
    match response {
        HttpCalloutResponse::Complete {
            headers,
            body,
            trailers,
        } => HttpCallResponse::Complete {
            headers,
            body,
            trailers,
        },
        HttpCalloutResponse::Reset => HttpCallResponse::Reset,
    }
}

/// What the guest is told: its own mistakes are `BadArgument`.
pub(super) fn refusal(error: &CalloutError) -> CalloutRefusal {
    let status = match error {
        CalloutError::UnknownCluster { .. } | CalloutError::MissingHeader { .. } => {
            Status::BadArgument
        }
        CalloutError::NoHealthyHost { .. } => Status::InternalFailure,
    };
    CalloutRefusal {
        status,
        reason: error.to_string(),
    }
}
