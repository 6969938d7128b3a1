//! The gRPC callouts of a VM: what is under way, and how its events reach the plugin.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use tokio::task::AbortHandle;
use tollgate_runtime::abi::Status;
use tollgate_runtime::{
    CalloutRefusal, ContextId, Fault, GrpcCall, GrpcMethod, GrpcService, GrpcStream, Vm,
};

use super::in_flight::Permit;
use super::vm::WorkerVm;
use crate::callout::{GrpcCallout, GrpcCalloutError, GrpcEvent, SendQueue};
use crate::cluster::ClusterManager;
use crate::worker;

/// Whom a callout's events go to.
pub(super) struct Caller {
    pub(super) vm: Weak<WorkerVm>,
    pub(super) root: ContextId,
    pub(super) token: u32,
}

/// Calls and streams under way, by their tokens.
#[derive(Debug, Default)]
pub(super) struct GrpcCallouts {
    live: Rc<RefCell<HashMap<u32, Live>>>,
}

/// A callout under way. Dropping it gives the callout up.
#[derive(Debug)]
struct Live {
    task: AbortHandle,
    /// What a stream has to send.
    queue: Option<Rc<SendQueue>>,
}

impl GrpcCallouts {
    pub(super) fn start_call(
        &self,
        caller: Caller,
        call: GrpcCall,
        clusters: &ClusterManager,
        permit: Permit,
    ) -> Result<(), CalloutRefusal> {
        let token = caller.token;
        let run = to_callout(call.service, call.method)
            .call(&call.message, call.timeout, clusters, caller.into_sink())
            .map_err(|error| refusal(&error))?;
        self.spawn(token, None, run, permit);
        Ok(())
    }

    pub(super) fn start_stream(
        &self,
        caller: Caller,
        stream: GrpcStream,
        clusters: &ClusterManager,
        permit: Permit,
    ) -> Result<(), CalloutRefusal> {
        let token = caller.token;
        let queue = Rc::<SendQueue>::default();
        let run = to_callout(stream.service, stream.method)
            .stream(&queue, clusters, caller.into_sink())
            .map_err(|error| refusal(&error))?;
        self.spawn(token, Some(queue), run, permit);
        Ok(())
    }

    fn spawn(
        &self,
        token: u32,
        queue: Option<Rc<SendQueue>>,
        run: impl Future<Output = ()> + 'static,
        permit: Permit,
    ) {
        let live = Rc::downgrade(&self.live);
        let task = worker::spawn(async move {
            run.await;
            drop(permit);
            if let Some(live) = live.upgrade() {
                live.borrow_mut().remove(&token);
            }
        });
        let task = task.abort_handle();
        self.live.borrow_mut().insert(token, Live { task, queue });
    }

    /// Sends on a stream; on one that has ended meanwhile nothing is sent.
    pub(super) fn send(
        &self,
        stream: u32,
        message: &Bytes,
        end_of_stream: bool,
    ) -> Result<(), CalloutRefusal> {
        let live = self.live.borrow();
        let Some(queue) = live.get(&stream).and_then(|live| live.queue.as_ref()) else {
            return Ok(());
        };
        queue.push(message).map_err(|error| CalloutRefusal {
            status: Status::InternalFailure,
            reason: error.to_string(),
        })?;
        if end_of_stream {
            queue.end();
        }
        Ok(())
    }

    pub(super) fn close(&self, stream: u32) {
        let live = self.live.borrow();
        if let Some(queue) = live.get(&stream).and_then(|live| live.queue.as_ref()) {
            queue.end();
        }
    }

    pub(super) fn cancel(&self, token: u32) {
        self.live.borrow_mut().remove(&token);
    }

    pub(super) fn cancel_all(&self) {
        self.live.borrow_mut().clear();
    }
}

impl Drop for GrpcCallouts {
    fn drop(&mut self) {
        self.cancel_all();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // May be the task that delivers an event right now: it then ends at its next wait.
        self.task.abort();
    }
}

impl Caller {
    fn into_sink(self) -> impl Fn(GrpcEvent) {
        move |event| {
            if let Some(vm) = self.vm.upgrade() {
                vm.notify(|vm| deliver(vm, self.root, self.token, event));
            }
        }
    }
}

fn deliver(vm: &mut Vm, root: ContextId, token: u32, event: GrpcEvent) -> Result<(), Fault> {
    match event {
        GrpcEvent::InitialMetadata(metadata) => {
            vm.on_grpc_receive_initial_metadata(root, token, metadata)
        }
        GrpcEvent::Message(message) => vm.on_grpc_receive(root, token, message),
        GrpcEvent::TrailingMetadata(metadata) => {
            vm.on_grpc_receive_trailing_metadata(root, token, metadata)
        }
        GrpcEvent::Close { status, message } => vm.on_grpc_close(root, token, status, &message),
    }
}

fn to_callout(service: GrpcService, method: GrpcMethod) -> GrpcCallout {
    let mut metadata = service.initial_metadata;
    metadata.extend(method.metadata);
    GrpcCallout {
        cluster: service.cluster,
        authority: service.authority,
        service: method.service,
        method: method.method,
        metadata,
        max_message_bytes: service.max_receive_message_length,
        skip_envoy_headers: service.skip_envoy_headers,
    }
}

/// What the guest is told: neither is its mistake, as Envoy sees it.
pub(super) fn refusal(error: &GrpcCalloutError) -> CalloutRefusal {
    let status = match error {
        GrpcCalloutError::UnknownCluster | GrpcCalloutError::NoHealthyHost => {
            Status::InternalFailure
        }
    };
    CalloutRefusal {
        status,
        reason: error.to_string(),
    }
}
