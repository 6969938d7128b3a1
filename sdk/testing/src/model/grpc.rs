//! gRPC callouts: which method is asked, and what is going to come of it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use tollgate_abi::{GrpcStatus, Status};
use tollgate_runtime::{CalloutRefusal, GrpcCall, GrpcMethod, GrpcService, GrpcStream, Header};

use super::schedule::{GrpcDelivery, Happening};
use super::{World, nanos};
use crate::grpc::{GrpcAnswer, GrpcRequest, GrpcStep};
use crate::upstream::{Entries, text};

/// Streams that are open, by worker and token.
pub(crate) type GrpcStreams = RefCell<BTreeMap<Caller, Open>>;

/// An open stream.
pub(crate) struct Open {
    cluster: String,
    request: GrpcRequest,
    /// When the last of what is known to come is due; later answers do not overtake it.
    last_due: u64,
}

/// Whose callout it is: worker and token.
type Caller = (usize, u32);

impl World {
    pub(super) fn has_cluster(&self, name: &str) -> bool {
        self.clusters.borrow().contains_key(name)
            || self
                .grpc
                .borrow()
                .keys()
                .any(|(cluster, _)| cluster == name)
    }

    pub(super) fn grpc_call(&self, caller: Caller, call: GrpcCall) -> Result<(), CalloutRefusal> {
        let cluster = self.grpc_cluster(&call.service)?;
        let step = GrpcStep::Call(call.message.to_vec());
        let answer = self.ask(&cluster, &request(&call.service, call.method, step));
        let timeout = Some(call.timeout).filter(|timeout| !timeout.is_zero());
        let (delay, delivery) = match unary(&answer) {
            Some(delivery) if timeout.is_none_or(|timeout| answer.delay < timeout) => {
                (answer.delay, delivery)
            }
            _ => {
                let Some(timeout) = timeout else {
                    return Ok(());
                };
                (timeout, closed(GrpcStatus::DeadlineExceeded, ""))
            }
        };
        let (worker, token) = caller;
        let what = Happening::Grpc { token, delivery };
        self.after(delay, worker, what);
        Ok(())
    }

    pub(super) fn grpc_stream(
        &self,
        caller: Caller,
        stream: GrpcStream,
    ) -> Result<(), CalloutRefusal> {
        let cluster = self.grpc_cluster(&stream.service)?;
        let request = request(&stream.service, stream.method, GrpcStep::Open);
        let open = Open {
            cluster,
            request,
            last_due: 0,
        };
        self.grpc_streams.borrow_mut().insert(caller, open);
        self.grpc_step(caller, GrpcStep::Open);
        Ok(())
    }

    /// Takes a step of a stream to its service. A stream that is over takes none.
    pub(super) fn grpc_step(&self, key: Caller, step: GrpcStep) {
        let asked = self.grpc_streams.borrow().get(&key).map(|open| {
            let request = GrpcRequest {
                step,
                ..open.request.clone()
            };
            (open.cluster.clone(), request)
        });
        let Some((cluster, request)) = asked else {
            return;
        };
        let answer = self.ask(&cluster, &request);
        let mut streams = self.grpc_streams.borrow_mut();
        let Some(open) = streams.get_mut(&key) else {
            return;
        };
        let due = self.now.get().saturating_add(nanos(answer.delay));
        open.last_due = due.max(open.last_due);
        let ((worker, token), due) = (key, open.last_due);
        if answer.end.is_some() {
            streams.remove(&key);
        }
        for delivery in deliveries(answer) {
            let what = Happening::Grpc { token, delivery };
            self.schedule.add(worker, due, what);
        }
    }

    pub(super) fn cancel_grpc(&self, caller: Caller) {
        self.grpc_streams.borrow_mut().remove(&caller);
        self.schedule.cancel_grpc(caller);
    }

    fn grpc_cluster(&self, service: &GrpcService) -> Result<String, CalloutRefusal> {
        let cluster = &service.cluster;
        let unavailable = matches!(self.clusters.borrow().get(cluster), Some(None));
        let (status, reason) = match self.has_cluster(cluster) {
            true if !unavailable => return Ok(cluster.clone()),
            true => (Status::InternalFailure, "no healthy upstream"),
            false => (Status::BadArgument, "unknown cluster"),
        };
        Err(CalloutRefusal {
            status,
            reason: format!("{reason} ({cluster})"),
        })
    }

    fn ask(&self, cluster: &str, request: &GrpcRequest) -> GrpcAnswer {
        let path = format!("{}/{}", request.service, request.method);
        let services = self.grpc.borrow();
        match services.get(&(cluster.to_owned(), path)) {
            Some(handler) => handler(request),
            None => GrpcAnswer::error(GrpcStatus::Unimplemented, "unknown method"),
        }
    }
}

fn request(service: &GrpcService, method: GrpcMethod, step: GrpcStep) -> GrpcRequest {
    let metadata = service.initial_metadata.iter().chain(&method.metadata);
    let metadata = metadata.map(|(name, value)| (text(name), value.to_vec()));
    GrpcRequest {
        metadata: metadata.collect(),
        service: method.service,
        method: method.method,
        step,
    }
}

/// What a unary caller hears: the message, or why there is none.
fn unary(answer: &GrpcAnswer) -> Option<GrpcDelivery> {
    match (&answer.end, answer.messages.first()) {
        (Some((status, message)), _) if *status != GrpcStatus::Ok.to_u32() => {
            Some(GrpcDelivery::Close {
                status: *status,
                message: message.clone(),
            })
        }
        (_, Some(message)) => Some(GrpcDelivery::Message(message.clone())),
        // A response without a message is the service's mistake.
        (Some(_), None) => Some(closed(GrpcStatus::Internal, "")),
        (None, None) => None,
    }
}

fn deliveries(answer: GrpcAnswer) -> Vec<GrpcDelivery> {
    let metadata = |entries: Entries| entries.into_iter().map(to_header).collect::<Vec<_>>();
    let mut all = Vec::new();
    if !answer.initial_metadata.is_empty() {
        all.push(GrpcDelivery::InitialMetadata(metadata(
            answer.initial_metadata,
        )));
    }
    all.extend(answer.messages.into_iter().map(GrpcDelivery::Message));
    if let Some((status, message)) = answer.end {
        all.push(GrpcDelivery::TrailingMetadata(metadata(
            answer.trailing_metadata,
        )));
        all.push(GrpcDelivery::Close { status, message });
    }
    all
}

fn closed(status: GrpcStatus, message: &str) -> GrpcDelivery {
    GrpcDelivery::Close {
        status: status.to_u32(),
        message: message.to_owned(),
    }
}

fn to_header((name, value): (Vec<u8>, Vec<u8>)) -> Header {
    (Bytes::from(name), Bytes::from(value))
}
