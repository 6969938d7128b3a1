//! Shared queues: items that any VM adds and any VM takes out.

use tollgate_abi::Status;

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::imports::env;
use crate::{DequeueError, EnqueueError};

const TOO_MANY: Refusal = Refusal::new(
    Status::InternalFailure,
    "this VM id has as many queues as it may have; use fewer names",
);
const NOT_REGISTERED: Refusal = Refusal::not_found(
    "no queue of this name is registered for this VM id; proxy_register_shared_queue makes one",
);
const BAD_VM_ID: Refusal = Refusal::not_found("no VM id is like this: it is not UTF-8");

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::REGISTER_SHARED_QUEUE,
        |call, name: u32, size: u32, token: u32| {
            register(call, GuestSlice::new(name, size), token)
        }
    );
    hostcall!(
        linking,
        env::RESOLVE_SHARED_QUEUE,
        |call, vm_id: u32, vm_id_size: u32, name: u32, name_size: u32, token: u32| {
            let vm_id = GuestSlice::new(vm_id, vm_id_size);
            resolve(call, vm_id, GuestSlice::new(name, name_size), token)
        }
    );
    hostcall!(
        linking,
        env::ENQUEUE_SHARED_QUEUE,
        |call, token: u32, data: u32, size: u32| {
            enqueue(call, token, GuestSlice::new(data, size))
        }
    );
    hostcall!(
        linking,
        env::DEQUEUE_SHARED_QUEUE,
        |call, token: u32, ptr: u32, size: u32| {
            dequeue(call, token, ReturnSlice::new(ptr, size))
        }
    );
    Ok(())
}

fn register(call: &mut Hostcall<'_>, name: GuestSlice, token: u32) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let name = name.read(memory)?;
    let root = state.contexts.root_of(state.acting());
    let notifier = root.and_then(|root| state.services.queue_notifier(root));
    let queues = state.common.lease.shared().queues();
    let number = queues.register(&state.common.config.vm_id, name, notifier);
    call.write_u32(token, number.ok_or(TOO_MANY)?)
}

fn resolve(
    call: &mut Hostcall<'_>,
    vm_id: GuestSlice,
    name: GuestSlice,
    token: u32,
) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let (vm_id, name) = (vm_id.read(memory)?, name.read(memory)?);
    let vm_id = if vm_id.is_empty() {
        state.common.config.vm_id.as_str()
    } else {
        std::str::from_utf8(vm_id).map_err(|_| BAD_VM_ID)?
    };
    let number = state.common.lease.shared().queues().resolve(vm_id, name);
    call.write_u32(token, number.ok_or(NOT_REGISTERED)?)
}

fn enqueue(call: &mut Hostcall<'_>, token: u32, item: GuestSlice) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let queues = state.common.lease.shared().queues();
    queues.enqueue(token, item.read(memory)?).map_err(|error| {
        let full = |reason| Refusal::with(Status::InternalFailure, reason);
        let reason = error.to_string();
        match error {
            EnqueueError::Unknown => Refusal::with(Status::NotFound, reason),
            EnqueueError::TooManyItems(_) => full(reason).beyond("queue_items"),
            EnqueueError::TooManyBytes(_) => full(reason).beyond("queue_bytes"),
        }
    })?;
    Ok(())
}

/// The item is taken out before its destination is checked: bad addresses lose it, as in Envoy.
fn dequeue(call: &mut Hostcall<'_>, token: u32, result: ReturnSlice) -> Result<(), Stop> {
    let item = call.state().common.lease.shared().queues().dequeue(token);
    let item = item.map_err(|error| {
        let status = match error {
            DequeueError::Unknown => Status::NotFound,
            DequeueError::Empty => Status::Empty,
        };
        Refusal::with(status, error.to_string())
    })?;
    call.return_bytes(&item, result)
}
