//! HTTP callouts: requests that a plugin sends on its own account.

use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::Status;
use tollgate_abi::limits::MAX_CALLOUT_TIMEOUT_MS;

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, decode_pairs, hostcall};
use crate::host::{Header, HttpCall};
use crate::imports::env;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::HTTP_CALL,
        |call,
         upstream: u32,
         upstream_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         timeout_ms: u32,
         token: u32| {
            let request = Request {
                upstream: GuestSlice::new(upstream, upstream_size),
                headers: GuestSlice::new(headers, headers_size),
                body: GuestSlice::new(body, body_size),
                trailers: GuestSlice::new(trailers, trailers_size),
                timeout_ms,
                token,
            };
            start(call, &request)
        }
    );
    hostcall!(
        linking,
        env::GET_STATUS,
        |call, code: u32, ptr: u32, size: u32| {
            let status = call.state().acting_root().map(|(_, root)| &root.status);
            let (number, message) = match status {
                Some(status) => (status.code, status.message.clone()),
                None => (0, "".into()),
            };
            call.write_u32(code, number)?;
            call.return_bytes(message.as_bytes(), ReturnSlice::new(ptr, size))
        }
    );
    Ok(())
}

/// The arguments, in their order.
struct Request {
    upstream: GuestSlice,
    headers: GuestSlice,
    body: GuestSlice,
    trailers: GuestSlice,
    timeout_ms: u32,
    token: u32,
}

const INCOMPLETE: Refusal =
    Refusal::bad_argument("a request needs the headers :method, :path and :authority");
const TOO_LONG: Refusal = Refusal::bad_argument("the timeout must be below 2^31 milliseconds");
const TOO_MANY: Refusal = Refusal::new(
    Status::InternalFailure,
    "too many callouts of this plugin wait for an answer",
)
.beyond("callouts");
const NO_PLUGIN: Refusal = Refusal::bad_argument("no plugin is there to get the response");

fn start(call: &mut Hostcall<'_>, request: &Request) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let http_call = read(state, memory, request)?;
    // The token is written before anything is sent: a bad pointer must not start a request.
    call.write_u32(request.token, 0)?;
    let http_call = check(http_call, request.timeout_ms)?;
    let state = call.state_mut();
    let root = state.acting_root().map(|(id, _)| id).ok_or(NO_PLUGIN)?;
    let token = state.common.numbers.next_http_token();
    if !state.in_flight.add() {
        state.common.numbers.return_http_token(token);
        return Err(TOO_MANY.into());
    }
    let started = state.services.start_http_call(root, token, http_call);
    if started.is_err() {
        state.in_flight.remove();
    }
    if matches!(&started, Err(refusal) if refusal.status == Status::BadArgument) {
        state.common.numbers.return_http_token(token);
    }
    started.map_err(|refusal| Refusal::with(refusal.status, refusal.reason))?;
    call.write_u32(request.token, token)
}

fn read(state: &VmState, memory: &[u8], request: &Request) -> Result<HttpCall, Refusal> {
    let upstream = String::from_utf8_lossy(request.upstream.read(memory)?).into_owned();
    let headers = request.headers.read(memory)?;
    let body = Bytes::copy_from_slice(request.body.read(memory)?);
    // Envoy reads trailers and never sends them.
    request.trailers.read(memory)?;
    let headers: Vec<Header> = decode_pairs(state, &env::HTTP_CALL, headers)
        .into_iter()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase().into(),
                Bytes::copy_from_slice(value),
            )
        })
        .collect();
    let timeout = Duration::from_millis(u64::from(request.timeout_ms));
    let timeout = (!timeout.is_zero()).then_some(timeout);
    Ok(HttpCall {
        upstream,
        headers,
        body,
        timeout,
    })
}

fn check(http_call: HttpCall, timeout_ms: u32) -> Result<HttpCall, Refusal> {
    let has = |wanted: &[u8]| http_call.headers.iter().any(|(name, _)| name == wanted);
    if timeout_ms >= MAX_CALLOUT_TIMEOUT_MS {
        Err(TOO_LONG)
    } else if !has(b":method") || !has(b":path") || !(has(b":authority") || has(b"host")) {
        Err(INCOMPLETE)
    } else {
        Ok(http_call)
    }
}
