//! `WorkerServices`: what a worker gives its VMs apart from streams.

use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tollgate_runtime::abi::limits::MAX_CALLOUT_BODY_BYTES;
use tollgate_runtime::abi::{LogLevel, Status};
use tollgate_runtime::{
    CalloutRefusal, ContextId, HostServices, HttpCall, HttpCallResponse, LogOrigin, PropertyResult,
    QueueNotifier,
};

use super::properties::{self, NodeProperties};
use super::queue_news::QueueNews;
use super::timers::Timers;
use super::vm::WorkerVm;
use super::{clock, log};
use crate::callout::{CalloutError, HttpCallout, HttpCalloutResponse};
use crate::cluster::ClusterManager;
use crate::worker;

/// Most callouts of one VM that wait for an answer.
const MAX_CALLOUTS: usize = 10_000;

/// The services of one VM on one worker.
pub(super) struct WorkerServices {
    clusters: Rc<ClusterManager>,
    node: Rc<NodeProperties>,
    timers: Timers,
    queue_news: QueueNews,
    callouts: Rc<Cell<usize>>,
    vm: OnceCell<Weak<WorkerVm>>,
}

impl WorkerServices {
    pub(super) fn new(clusters: Rc<ClusterManager>, node: Rc<NodeProperties>) -> Rc<Self> {
        Rc::new(Self {
            clusters,
            node,
            timers: Timers::default(),
            queue_news: QueueNews::default(),
            callouts: Rc::default(),
            vm: OnceCell::new(),
        })
    }

    /// Tells the services whom ticks and answers go to.
    pub(super) fn attach(&self, vm: &Rc<WorkerVm>) {
        // A second call would come from a second VM, which has services of its own.
        self.vm.get_or_init(|| Rc::downgrade(vm));
    }

    pub(super) fn node(&self) -> Rc<NodeProperties> {
        Rc::clone(&self.node)
    }

    pub(super) fn stop_timers(&self) {
        self.timers.stop();
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
        if self.callouts.get() >= MAX_CALLOUTS {
            let reason = format!("{MAX_CALLOUTS} callouts wait for an answer already");
            return Err(CalloutRefusal {
                status: Status::InternalFailure,
                reason,
            });
        }
        let answer = to_callout(call)
            .start(&self.clusters)
            .map_err(|error| refusal(&error))?;
        let (vm, callouts) = (self.vm(), Rc::clone(&self.callouts));
        callouts.set(callouts.get() + 1);
        worker::spawn(async move {
            let response = answer.await;
            callouts.set(callouts.get().saturating_sub(1));
            if let Some(vm) = vm.upgrade() {
                vm.deliver(root, token, to_response(response));
            }
        });
        Ok(())
    }

    fn queue_notifier(&self, root: ContextId) -> Option<Arc<dyn QueueNotifier>> {
        Some(self.queue_news.notifier(self.vm(), root))
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        properties::root_property(&self.node, path)
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
        CalloutError::UnknownCluster { .. }
        | CalloutError::MissingHeader { .. }
        | CalloutError::IllegalHeader { .. } => Status::BadArgument,
        CalloutError::NoHealthyHost { .. } => Status::InternalFailure,
    };
    CalloutRefusal {
        status,
        reason: error.to_string(),
    }
}
