//! Local responses: the plugin answers the client itself.

use bytes::Bytes;
use tollgate_abi::GrpcStatus;

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, decode_pairs, hostcall};
use crate::host::{Header, LocalResponse};
use crate::imports::env;
use crate::vm::{Effect, VmState};

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::SEND_LOCAL_RESPONSE,
        |call,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         grpc_status: u32| {
            let request = Request {
                status,
                details: GuestSlice::new(details, details_size),
                body: GuestSlice::new(body, body_size),
                headers: GuestSlice::new(headers, headers_size),
                grpc_status,
            };
            send(call, &request)
        }
    );
    Ok(())
}

/// The arguments, in their order.
struct Request {
    status: u32,
    details: GuestSlice,
    body: GuestSlice,
    headers: GuestSlice,
    grpc_status: u32,
}

fn send(call: &mut Hostcall<'_>, request: &Request) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let response = read(state, memory, request)?;
    let id = state.acting();
    state.has_replied = true;
    // Outside a stream, and once a stream has ended, nobody is there to answer.
    if state.contexts.http(id).is_some_and(|http| !http.has_ended) {
        state.defer(Effect::SendLocalResponse(id, Box::new(response)));
    }
    Ok(())
}

fn read(state: &VmState, memory: &[u8], request: &Request) -> Result<LocalResponse, Refusal> {
    let details = request.details.read(memory)?;
    let body = Bytes::copy_from_slice(request.body.read(memory)?);
    let headers = request.headers.read(memory)?;
    Ok(LocalResponse {
        status: request.status,
        details: details_text(details),
        body,
        headers: response_headers(&decode_pairs(state, &env::SEND_LOCAL_RESPONSE, headers)),
        grpc_status: GrpcStatus::try_from(request.grpc_status).ok(),
    })
}

/// Access logs separate fields by whitespace, so details have none. As in C, and so in Envoy, the
/// vertical tab counts.
fn details_text(details: &[u8]) -> String {
    let text = String::from_utf8_lossy(details);
    let is_space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    text.chars()
        .map(|c| if is_space(c) { '_' } else { c })
        .collect()
}

/// A second `:status` would join the first to "403,200": pseudo-headers are left out.
fn response_headers(pairs: &[(&[u8], &[u8])]) -> Vec<Header> {
    let regular = pairs.iter().filter(|(name, _)| !name.starts_with(b":"));
    regular
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase().into(),
                Bytes::copy_from_slice(value),
            )
        })
        .collect()
}
