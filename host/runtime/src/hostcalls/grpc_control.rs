//! What a plugin does with its gRPC callouts: send, half-close, cancel.

use bytes::Bytes;

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall};
use crate::context::{GrpcCallouts, GrpcKind};
use crate::imports::env;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GRPC_SEND,
        |call, token: u32, message: u32, size: u32, end: u32| {
            send(call, token, GuestSlice::new(message, size), end != 0)
        }
    );
    hostcall!(linking, env::GRPC_CANCEL, |call, token: u32| {
        let state = call.state_mut();
        let kind = GrpcKind::of_token(token).ok_or(WRONG_TOKEN)?;
        cancel(state, kind, token)
    });
    hostcall!(linking, env::GRPC_CLOSE, |call, token: u32| {
        let state = call.state_mut();
        match GrpcKind::of_token(token).ok_or(WRONG_TOKEN)? {
            GrpcKind::Call => cancel(state, GrpcKind::Call, token),
            GrpcKind::Stream => close(state, token),
        }
    });
    Ok(())
}

const NO_CALLOUT: Refusal = Refusal::not_found("the plugin has no gRPC callout with this token");
const WRONG_TOKEN: Refusal = Refusal::bad_argument("the token is not one of a gRPC callout");
const NO_STREAM: Refusal = Refusal::bad_argument("the token is not one of a gRPC stream");

fn callouts(state: &mut VmState) -> Result<&mut GrpcCallouts, Refusal> {
    let id = state.acting_root().map(|(id, _)| id);
    let root = id.and_then(|id| state.contexts.root_mut(id));
    root.map(|root| &mut root.grpc).ok_or(NO_CALLOUT)
}

fn send(
    call: &mut Hostcall<'_>,
    token: u32,
    message: GuestSlice,
    end_of_stream: bool,
) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let message = Bytes::copy_from_slice(message.read(memory)?);
    if GrpcKind::of_token(token) != Some(GrpcKind::Stream) {
        return Err(NO_STREAM.into());
    }
    let is_over = callouts(state)?.is_closed_there(token).ok_or(NO_CALLOUT)?;
    if is_over {
        return Ok(());
    }
    let services = std::rc::Rc::clone(&state.services);
    services
        .send_grpc_message(token, message, end_of_stream)
        .map_err(|refusal| Refusal::with(refusal.status, refusal.reason).into())
}

fn cancel(state: &mut VmState, kind: GrpcKind, token: u32) -> Result<(), Stop> {
    let callouts = callouts(state)?;
    let is_over = match kind {
        GrpcKind::Call => false,
        GrpcKind::Stream => callouts.is_closed_there(token).unwrap_or_default(),
    };
    if !callouts.remove(token) {
        return Err(NO_CALLOUT.into());
    }
    if !is_over {
        state.services.cancel_grpc(token);
    }
    Ok(())
}

fn close(state: &mut VmState, token: u32) -> Result<(), Stop> {
    let callouts = callouts(state)?;
    let is_over = callouts.is_closed_there(token).ok_or(NO_CALLOUT)?;
    callouts.close_here(token);
    if !is_over {
        state.services.close_grpc_stream(token);
    }
    Ok(())
}
