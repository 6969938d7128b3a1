//! Hostcalls whose subject does not exist here yet: gRPC callouts, foreign functions,
//! DNS. They answer what Envoy answers when the thing named is unknown.

use tollgate_abi::Status;

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall, stream};
use crate::imports::env;

const NO_GRPC: Refusal = Refusal::new(
    Status::ParseFailure,
    "gRPC callouts are not implemented, so no cluster of that name can be called",
);
const NO_CALL: Refusal = Refusal::not_found("no gRPC callout has this token");
const WRONG_TOKEN: Refusal = Refusal::bad_argument("the token is not one of a gRPC stream");
const NO_DNS: Refusal = Refusal::new(Status::Unimplemented, "DNS lookups are not implemented");

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    link_grpc(linking)?;
    hostcall!(
        linking,
        env::CALL_FOREIGN_FUNCTION,
        |call,
         name: u32,
         name_size: u32,
         arguments: u32,
         arguments_size: u32,
         ptr: u32,
         size: u32| {
            let arguments = GuestSlice::new(arguments, arguments_size);
            call_foreign_function(
                call,
                GuestSlice::new(name, name_size),
                arguments,
                [ptr, size],
            )
        }
    );
    hostcall!(
        linking,
        env::RESOLVE_DNS,
        |call, address: u32, address_size: u32, _token: u32| {
            check(call, &[GuestSlice::new(address, address_size)], NO_DNS)
        }
    );
    Ok(())
}

fn link_grpc(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
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
         _timeout_ms: u32,
         token: u32| {
            let arguments = [
                GuestSlice::new(upstream, upstream_size),
                GuestSlice::new(service, service_size),
                GuestSlice::new(method, method_size),
                GuestSlice::new(metadata, metadata_size),
                GuestSlice::new(message, message_size),
                GuestSlice::new(token, 4),
            ];
            check(call, &arguments, NO_GRPC)
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
            let arguments = [
                GuestSlice::new(upstream, upstream_size),
                GuestSlice::new(service, service_size),
                GuestSlice::new(method, method_size),
                GuestSlice::new(metadata, metadata_size),
                GuestSlice::new(token, 4),
            ];
            check(call, &arguments, NO_GRPC)
        }
    );
    link_grpc_control(linking)
}

fn link_grpc_control(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GRPC_SEND,
        |call, token: u32, message: u32, size: u32, _end: u32| {
            let refusal = if token & 3 == 2 { NO_CALL } else { WRONG_TOKEN };
            check(call, &[GuestSlice::new(message, size)], refusal)
        }
    );
    hostcall!(linking, env::GRPC_CANCEL, |_call, token: u32| {
        Err(unknown_call(token).into())
    });
    hostcall!(linking, env::GRPC_CLOSE, |_call, token: u32| {
        Err(unknown_call(token).into())
    });
    Ok(())
}

/// Low bits 1 mark a call, 2 a stream; other tokens are none of gRPC's.
const fn unknown_call(token: u32) -> Refusal {
    if matches!(token & 3, 1 | 2) {
        NO_CALL
    } else {
        WRONG_TOKEN
    }
}

/// Bad pointers come first, as everywhere.
fn check(call: &mut Hostcall<'_>, slices: &[GuestSlice], then: Refusal) -> Result<(), Stop> {
    let (memory, _) = call.split();
    for slice in slices {
        slice.read(memory)?;
    }
    Err(then.into())
}

fn call_foreign_function(
    call: &mut Hostcall<'_>,
    name: GuestSlice,
    arguments: GuestSlice,
    results: [u32; 2],
) -> Result<(), Stop> {
    let (memory, _) = call.split();
    let is_clear_route_cache = name.read(memory)? == b"clear_route_cache";
    arguments.read(memory)?;
    if !is_clear_route_cache {
        return Err(Refusal::not_found("no foreign function has this name").into());
    }
    stream::clear_route_cache(call);
    // Address 0 means here that the guest does not want the result.
    for address in results.into_iter().filter(|address| *address != 0) {
        call.write_u32(address, 0)?;
    }
    Ok(())
}
