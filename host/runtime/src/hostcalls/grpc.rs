//! gRPC callouts: calls and streams that a plugin opens.

use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{GrpcStatus, Status};

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, decode_pairs, grpc_service, hostcall};
use crate::context::GrpcKind;
use crate::host::{CalloutRefusal, GrpcCall, GrpcMethod, GrpcService, GrpcStream};
use crate::imports::{Import, env};
use crate::vm::{Effect, VmState};

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GRPC_CALL,
        |call,
         upstream: u32,
         upstream_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         message: u32,
         message_size: u32,
         timeout_ms: u32,
         token: u32| {
            let request = Request {
                upstream: GuestSlice::new(upstream, upstream_size),
                service: GuestSlice::new(service, service_size),
                method: GuestSlice::new(method, method_size),
                metadata: GuestSlice::new(metadata, metadata_size),
            };
            let message = GuestSlice::new(message, message_size);
            let token_value = start_call(call, &request, message, timeout_ms)?;
            call.write_u32(token, token_value)
        }
    );
    hostcall!(
        linking,
        env::GRPC_STREAM,
        |call,
         upstream: u32,
         upstream_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         token: u32| {
            let request = Request {
                upstream: GuestSlice::new(upstream, upstream_size),
                service: GuestSlice::new(service, service_size),
                method: GuestSlice::new(method, method_size),
                metadata: GuestSlice::new(metadata, metadata_size),
            };
            let token_value = start_stream(call, &request)?;
            call.write_u32(token, token_value)
        }
    );
    Ok(())
}

/// The arguments that calls and streams have in common.
struct Request {
    upstream: GuestSlice,
    service: GuestSlice,
    method: GuestSlice,
    metadata: GuestSlice,
}

const NO_PLUGIN: Refusal = Refusal::new(
    Status::InternalFailure,
    "no plugin is there to get the response",
);
const TOO_MANY: Refusal = Refusal::new(
    Status::InternalFailure,
    "the plugin has too many gRPC calls and streams; a stream counts until both ends close it",
)
.beyond("grpc_callouts");

/// Starts a call. Unlike that of an HTTP callout, a bad address for the token is noticed when the
/// call is on its way, as in Envoy.
fn start_call(
    call: &mut Hostcall<'_>,
    request: &Request,
    message: GuestSlice,
    timeout_ms: u32,
) -> Result<u32, Stop> {
    let (memory, state) = call.split();
    let message = Bytes::copy_from_slice(message.read(memory)?);
    let (service, method) = request.read(memory, state, &env::GRPC_CALL)?;
    let grpc_call = GrpcCall {
        service,
        method,
        message,
        timeout: Duration::from_millis(u64::from(timeout_ms)),
    };
    begin(state, GrpcKind::Call, |state, root, token| {
        state.services.start_grpc_call(root, token, grpc_call)
    })
}

fn start_stream(call: &mut Hostcall<'_>, request: &Request) -> Result<u32, Stop> {
    let (memory, state) = call.split();
    let (service, method) = request.read(memory, state, &env::GRPC_STREAM)?;
    let stream = GrpcStream { service, method };
    begin(state, GrpcKind::Stream, |state, root, token| {
        state.services.start_grpc_stream(root, token, stream)
    })
}

impl Request {
    fn read(
        &self,
        memory: &[u8],
        state: &VmState,
        import: &'static Import,
    ) -> Result<(GrpcService, GrpcMethod), Refusal> {
        let upstream = self.upstream.read(memory)?;
        let text = |slice: GuestSlice| {
            let bytes = slice.read(memory)?;
            Ok::<_, Refusal>(String::from_utf8_lossy(bytes).into_owned())
        };
        let (service, method) = (text(self.service)?, text(self.method)?);
        let metadata = decode_pairs(state, import, self.metadata.read(memory)?);
        let metadata = metadata.into_iter().map(|(name, value)| {
            let name = name.to_ascii_lowercase().into();
            (name, Bytes::copy_from_slice(value))
        });
        let method = GrpcMethod {
            service,
            method,
            metadata: metadata.collect(),
        };
        Ok((
            grpc_service::parse(upstream, state.services.as_ref())?,
            method,
        ))
    }
}

/// Starts a callout under a new token. One that cannot start although the guest did nothing wrong
/// is reported twice, as in Envoy: now, and by a close that follows. A guest that tries again in
/// that close would never return to its host, so the second time there is no close.
fn begin(
    state: &mut VmState,
    kind: GrpcKind,
    start: impl FnOnce(&VmState, crate::ContextId, u32) -> Result<(), CalloutRefusal>,
) -> Result<u32, Stop> {
    let id = state.acting_root().map(|(id, _)| id).ok_or(NO_PLUGIN)?;
    let token = state.common.numbers.next_grpc_token(kind);
    let limit = state.common.config.limits.grpc_callouts;
    let root = state.contexts.root_mut(id).ok_or(NO_PLUGIN)?;
    if root.grpc.len() >= limit {
        return Err(TOO_MANY.into());
    }
    root.grpc.insert(kind, token);
    let Err(refusal) = start(state, id, token) else {
        return Ok(token);
    };
    if refusal.status == Status::InternalFailure && !state.closes_refused_grpc {
        state.effects.push_back(Effect::CloseGrpc {
            root: id,
            token,
            status: GrpcStatus::Unavailable.to_u32(),
            message: refusal.reason.clone(),
        });
    } else if let Some(root) = state.contexts.root_mut(id) {
        root.grpc.remove(token);
    }
    Err(Refusal::with(refusal.status, refusal.reason).into())
}
