//! gRPC callouts and DNS lookups of a native filter.

use core::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tollgate::native::{GrpcCallArguments, GrpcEvent, HostResult};
use tollgate_abi::Status;
use tollgate_runtime::{
    CalloutRefusal, ContextId, GrpcCall, GrpcMethod, GrpcService, GrpcStream, HostServices,
    ResolvedAddress,
};

use super::callouts::decoded;
use super::host::{Delivery, NativeHost};
use super::{BAD_ARGUMENT, NOT_FOUND, Native, ROOT};
use crate::model::GrpcDelivery;

/// The low bits of tokens: calls are 5, 9, 13 …, streams 6, 10, 14 …
const CALL: u32 = 1;
const STREAM: u32 = 2;

impl NativeHost {
    pub(super) fn start_grpc_call(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        if self.injected("proxy_grpc_call")?.is_some() {
            return Ok(0);
        }
        let (service, method) = self.target(call)?;
        self.begin(CALL, |token| {
            let call = GrpcCall {
                service,
                method,
                message: Bytes::copy_from_slice(call.message),
                timeout: Duration::from_millis(call.timeout_ms.into()),
            };
            self.worker.start_grpc_call(ContextId(ROOT), token, call)
        })
    }

    pub(super) fn start_grpc_stream(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        if self.injected("proxy_grpc_stream")?.is_some() {
            return Ok(0);
        }
        let (service, method) = self.target(call)?;
        self.begin(STREAM, |token| {
            let stream = GrpcStream { service, method };
            self.worker
                .start_grpc_stream(ContextId(ROOT), token, stream)
        })
    }

    /// Natively the upstream is the name of a cluster; a message that says more is not read.
    fn target(&self, call: &GrpcCallArguments<'_>) -> HostResult<(GrpcService, GrpcMethod)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let cluster = text(call.upstream);
        if !self.worker.has_cluster(&cluster) {
            return Err(Status::ParseFailure.to_u32());
        }
        let service = GrpcService {
            cluster,
            ..GrpcService::default()
        };
        let method = GrpcMethod {
            service: text(call.service),
            method: text(call.method),
            metadata: decoded(call.metadata),
        };
        Ok((service, method))
    }

    fn begin(
        &self,
        kind: u32,
        start: impl FnOnce(u32) -> Result<(), CalloutRefusal>,
    ) -> HostResult<u32> {
        let turn = self.last_grpc.replace(self.last_grpc.get() + 1);
        let token = (turn << 2) | kind;
        start(token).map_err(|refusal| refusal.status.to_u32())?;
        self.grpc.borrow_mut().insert(token);
        Ok(token)
    }

    pub(super) fn send_grpc(&self, token: u32, message: &[u8], last: bool) -> HostResult<()> {
        if self.injected("proxy_grpc_send")?.is_some() {
            return Ok(());
        }
        self.known(token)?;
        if token & 3 != STREAM {
            return Err(BAD_ARGUMENT);
        }
        let message = Bytes::copy_from_slice(message);
        let sent = self.worker.send_grpc_message(token, message, last);
        sent.map_err(|refusal| refusal.status.to_u32())
    }

    /// Cancels a callout, or says on a stream that nothing more comes.
    pub(super) fn end_grpc(&self, hostcall: &'static str, token: u32) -> HostResult<()> {
        if self.injected(hostcall)?.is_some() {
            return Ok(());
        }
        self.known(token)?;
        if hostcall == "proxy_grpc_close" && token & 3 == STREAM {
            self.worker.close_grpc_stream(token);
            return Ok(());
        }
        self.grpc.borrow_mut().remove(&token);
        self.worker.cancel_grpc(token);
        Ok(())
    }

    fn known(&self, token: u32) -> HostResult<()> {
        let is_known = self.grpc.borrow().contains(&token);
        is_known.then_some(()).ok_or(NOT_FOUND)
    }

    pub(super) fn look_up(&self, name: &[u8]) -> HostResult<u32> {
        if self.injected("envoy_resolve_dns")?.is_some() {
            return Ok(0);
        }
        let token = self.last_dns.get() + 1;
        self.last_dns.set(token);
        let name = String::from_utf8_lossy(name);
        let started = self.worker.resolve_dns(ContextId(ROOT), token, &name);
        started.map_err(|refusal| refusal.status.to_u32())?;
        Ok(token)
    }
}

impl Native {
    pub(super) fn deliver_grpc(&self, token: u32, delivery: GrpcDelivery) {
        if !self.host.grpc.borrow().contains(&token) {
            return;
        }
        let (event, is_last) = match &delivery {
            GrpcDelivery::InitialMetadata(_) => (GrpcEvent::InitialMetadata, false),
            GrpcDelivery::Message(message) => {
                let size = message.len();
                (GrpcEvent::Message { size }, token & 3 == CALL)
            }
            GrpcDelivery::TrailingMetadata(_) => (GrpcEvent::TrailingMetadata, false),
            GrpcDelivery::Close { status, .. } => (GrpcEvent::Closed { status: *status }, true),
        };
        let before = self.host.delivery.replace(Some(Delivery::Grpc(delivery)));
        self.call_root(|vm| vm.on_grpc(token, event));
        self.host.delivery.replace(before);
        if is_last {
            self.host.grpc.borrow_mut().remove(&token);
        }
    }

    pub(super) fn deliver_addresses(&self, token: u32, addresses: Option<&[ResolvedAddress]>) {
        let answer = addresses.map_or_else(Vec::new, encoded);
        let size = answer.len();
        let delivery = Some(Delivery::Addresses(answer));
        let before = self.host.delivery.replace(delivery);
        self.call_root(|vm| vm.on_resolve_dns(token, size));
        self.host.delivery.replace(before);
    }
}

/// How many there are, how many seconds each may be kept, then each with port 0 and a NUL.
fn encoded(addresses: &[ResolvedAddress]) -> Vec<u8> {
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut out = count.to_le_bytes().to_vec();
    for resolved in addresses {
        let seconds = u32::try_from(resolved.ttl.as_secs()).unwrap_or(u32::MAX);
        out.extend_from_slice(&seconds.to_le_bytes());
    }
    for resolved in addresses {
        let address = SocketAddr::new(resolved.address, 0);
        out.extend_from_slice(format!("{address}\0").as_bytes());
    }
    out
}
