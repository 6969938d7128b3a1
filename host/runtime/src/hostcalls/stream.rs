//! Going on with streams, closing them, and choosing the route again.

use tollgate_abi::{Status, StreamType};

use super::{Hostcall, Linking, Refusal, Stop, hostcall};
use crate::ContextId;
use crate::host::{Direction, TcpPeer};
use crate::imports::env;
use crate::vm::Effect;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(linking, env::CONTINUE_STREAM, |call, stream: u32| {
        match stream_type(stream)? {
            StreamType::HttpRequest => resume(call, Direction::Request),
            StreamType::HttpResponse => resume(call, Direction::Response),
            StreamType::Downstream => resume_downstream(call),
            StreamType::Upstream => {
                let reason = "no Proxy-Wasm host can resume the upstream of a TCP connection";
                return Err(Refusal::new(Status::Unimplemented, reason).into());
            }
        }
        Ok(())
    });
    hostcall!(linking, env::CLOSE_STREAM, |call, stream: u32| {
        match stream_type(stream)? {
            StreamType::HttpRequest | StreamType::HttpResponse => close(call),
            StreamType::Downstream => close_connection(call, TcpPeer::Downstream),
            StreamType::Upstream => close_connection(call, TcpPeer::Upstream),
        }
        Ok(())
    });
    hostcall!(linking, env::CONTINUE_REQUEST, |call| {
        resume(call, Direction::Request);
        Ok(())
    });
    hostcall!(linking, env::CONTINUE_RESPONSE, |call| {
        resume(call, Direction::Response);
        Ok(())
    });
    hostcall!(linking, env::CLEAR_ROUTE_CACHE, |call| {
        clear_route_cache(call);
        Ok(())
    });
    Ok(())
}

fn stream_type(number: u32) -> Result<StreamType, Stop> {
    StreamType::try_from(number)
        .map_err(|_| Refusal::bad_argument("stream types are 0 to 3").into())
}

/// Resumes a direction after the callback. At once, and whichever direction it is, the request's
/// maps and body close: that is how Envoy does it. Outside a stream it does nothing.
fn resume(call: &mut Hostcall<'_>, direction: Direction) {
    let state = call.state_mut();
    let id = state.acting();
    if let Some(http) = state.contexts.http_mut(id).filter(|http| !http.has_ended) {
        http.access.release(Direction::Request);
        state.defer(Effect::ContinueStream(id, direction));
    }
}

fn close(call: &mut Hostcall<'_>) {
    let state = call.state_mut();
    let id = state.acting();
    if state.contexts.http(id).is_some_and(|http| !http.has_ended) {
        state.defer(Effect::CloseStream(id));
    }
}

/// Passes on what a TCP connection holds, after the callback. Outside one it does nothing.
fn resume_downstream(call: &mut Hostcall<'_>) {
    if let Some(id) = open_connection(call) {
        call.state_mut().defer(Effect::ContinueDownstream(id));
    }
}

fn close_connection(call: &mut Hostcall<'_>, asked: TcpPeer) {
    if let Some(id) = open_connection(call) {
        call.state_mut().defer(Effect::CloseConnection(id, asked));
    }
}

fn open_connection(call: &Hostcall<'_>) -> Option<ContextId> {
    let state = call.state();
    let is_open = state.acting_tcp().is_some_and(|tcp| !tcp.has_ended);
    is_open.then(|| state.acting())
}

fn clear_route_cache(call: &Hostcall<'_>) {
    if let Some(http) = call.state().acting_http() {
        http.host.clear_route_cache();
    }
}
