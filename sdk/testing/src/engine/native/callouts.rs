//! The hostcalls that reach out: HTTP callouts and shared queues.

use std::time::Duration;

use bytes::Bytes;
use tollgate::native::{HostResult, HttpCallArguments};
use tollgate_abi::{Status, pairs};
use tollgate_runtime::{ContextId, DequeueError, EnqueueError, Header, HostServices, HttpCall};

use super::host::{HTTP_CALL, NativeHost};
use super::services::VM_ID;
use super::{NOT_FOUND, ROOT};

const INTERNAL_FAILURE: u32 = Status::InternalFailure.to_u32();

impl NativeHost {
    pub(super) fn start_callout(&self, call: &HttpCallArguments<'_>) -> HostResult<u32> {
        if self.injected(HTTP_CALL)?.is_some() {
            return Ok(0);
        }
        let token = self.last_token.get() + 4;
        let timeout = (call.timeout_ms > 0).then(|| Duration::from_millis(call.timeout_ms.into()));
        let started = self.worker.start_http_call(
            ContextId(ROOT),
            token,
            HttpCall {
                upstream: String::from_utf8_lossy(call.upstream).into_owned(),
                headers: decoded(call.headers),
                body: Bytes::copy_from_slice(call.body),
                timeout,
            },
        );
        started.map_err(|refusal| refusal.status.to_u32())?;
        self.last_token.set(token);
        self.call_back_if_wanted();
        Ok(token)
    }

    pub(super) fn register_queue(&self, name: &[u8]) -> HostResult<u32> {
        if self.injected("proxy_register_shared_queue")?.is_some() {
            return Ok(0);
        }
        let notifier = self.worker.queue_notifier(ContextId(ROOT));
        let queues = self.worker.world.shared.queues();
        queues
            .register(VM_ID, name, notifier)
            .ok_or(INTERNAL_FAILURE)
    }

    pub(super) fn resolve_queue(&self, vm_id: &[u8], name: &[u8]) -> HostResult<u32> {
        if self.injected("proxy_resolve_shared_queue")?.is_some() {
            return Ok(0);
        }
        let vm_id = std::str::from_utf8(vm_id).map_err(|_| NOT_FOUND)?;
        let queues = self.worker.world.shared.queues();
        queues.resolve(vm_id, name).ok_or(NOT_FOUND)
    }

    pub(super) fn enqueue(&self, queue: u32, item: &[u8]) -> HostResult<()> {
        if self.injected("proxy_enqueue_shared_queue")?.is_some() {
            return Ok(());
        }
        let queues = self.worker.world.shared.queues();
        queues.enqueue(queue, item).map_err(|error| match error {
            EnqueueError::Unknown => NOT_FOUND,
            _ => INTERNAL_FAILURE,
        })
    }

    pub(super) fn dequeue(&self, queue: u32) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_dequeue_shared_queue")? {
            return Ok(bytes);
        }
        let item = self.worker.world.shared.queues().dequeue(queue);
        item.map(|item| item.to_vec()).map_err(|error| match error {
            DequeueError::Empty => Status::Empty.to_u32(),
            _ => NOT_FOUND,
        })
    }
}

/// A map of the guest; malformed bytes read as an empty one, as in Envoy.
pub(super) fn decoded(pairs: &[u8]) -> Vec<Header> {
    let entries = pairs::decode(pairs).unwrap_or_default().into_iter();
    entries
        .map(|(name, value)| {
            let name = name.to_ascii_lowercase().into();
            (name, Bytes::copy_from_slice(value))
        })
        .collect()
}
