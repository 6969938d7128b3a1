//! `WorkerServices`: what a worker gives its VMs apart from streams.

use std::cell::OnceCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::abi::limits::MAX_CALLOUT_BODY_BYTES;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcStream, HostServices, HttpCall, HttpCallResponse,
    LogOrigin, PropertyResult, QueueNotifier,
};

use super::current_clusters::CurrentClusters;
use super::grpc::{Caller, GrpcCallouts};
use super::in_flight::InFlight;
use super::properties::{self, ProxyFacts};
use super::queue_news::QueueNews;
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
    clusters: Rc<CurrentClusters>,
    facts: Rc<ProxyFacts>,
    timers: Timers,
    queue_news: QueueNews,
    callouts: InFlight,
    lookups: InFlight,
    grpc: GrpcCallouts,
    vm: OnceCell<Weak<WorkerVm>>,
}

impl WorkerServices {
    pub(super) fn new(clusters: Rc<CurrentClusters>, facts: Rc<ProxyFacts>) -> Rc<Self> {
        Rc::new(Self {
            clusters,
            facts,
            timers: Timers::default(),
            queue_news: QueueNews::default(),
            callouts: InFlight::new(MAX_CALLOUTS, "callouts"),
            lookups: InFlight::new(MAX_LOOKUPS, "lookups"),
            grpc: GrpcCallouts::default(),
            vm: OnceCell::new(),
        })
    }

    /// Tells the services whom ticks and answers go to.
    pub(super) fn attach(&self, vm: &Rc<WorkerVm>) {
        // A second call would come from a second VM, which has services of its own.
        self.vm.get_or_init(|| Rc::downgrade(vm));
    }

    pub(super) fn facts(&self) -> Rc<ProxyFacts> {
        Rc::clone(&self.facts)
    }

    /// Says whether a root serves: only then its timer runs.
    pub(super) fn set_serving(&self, root: ContextId, serves: bool) {
        self.timers.set_serving(&self.vm(), root, serves);
    }

    /// Gives up all that the VM waits for: it has failed.
    pub(super) fn stop(&self) {
        self.timers.stop();
        self.grpc.cancel_all();
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
        self.timers.set(self.vm(), root, period);
    }

    fn start_http_call(
        &self,
        root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        let permit = self.callouts.start()?;
        let clusters = self.clusters.with(&call.upstream);
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
        self.clusters.get(name).is_some()
    }

    fn start_grpc_call(
        &self,
        root: ContextId,
        token: u32,
        call: GrpcCall,
    ) -> Result<(), CalloutRefusal> {
        let (permit, caller) = (self.callouts.start()?, self.caller(root, token));
        let clusters = self.clusters.with(&call.service.cluster);
        self.grpc.start_call(caller, call, &clusters, permit)
    }

    fn start_grpc_stream(
        &self,
        root: ContextId,
        token: u32,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        let (permit, caller) = (self.callouts.start()?, self.caller(root, token));
        let clusters = self.clusters.with(&stream.service.cluster);
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
        let permit = self.lookups.start()?;
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
        Some(self.queue_news.notifier(self.vm(), root))
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::root_property(&self.facts, path)
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
