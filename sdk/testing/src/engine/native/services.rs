//! The hostcalls that need no stream: log, time, shared data, metrics, callouts.

use std::time::Duration;

use tollgate::native::{GrpcCallArguments, HostResult, HttpCallArguments, ServiceHost};
use tollgate_abi::{LogLevel, MetricType, Status};
use tollgate_runtime::{ContextId, HostServices, LogOrigin, SetError};

use super::host::{Delivery, Effect, NativeHost};
use super::{BAD_ARGUMENT, NOT_FOUND, ROOT};
use crate::model::GrpcDelivery;

/// Shared data and queues belong to a VM's id; a test has one.
pub(super) const VM_ID: &str = "";

impl ServiceHost for NativeHost {
    fn log(&self, level: LogLevel, message: &[u8]) {
        let origin = LogOrigin {
            plugin_name: None,
            root_id: "",
            vm_id: VM_ID,
        };
        if let Ok(None) = self.injected("proxy_log") {
            self.worker.log(origin, level, message);
        }
    }

    fn log_level(&self) -> u32 {
        match self.injected("proxy_get_log_level") {
            Ok(None) => self.worker.world.log_level.get().to_u32(),
            // What the SDK takes for a host without this hostcall.
            _ => LogLevel::Trace.to_u32(),
        }
    }

    fn current_time_nanos(&self) -> u64 {
        match self.injected("proxy_get_current_time_nanoseconds") {
            Ok(None) => self.worker.realtime_nanos(),
            _ => 0,
        }
    }

    fn set_tick_period(&self, millis: u32) -> HostResult<()> {
        if self
            .injected("proxy_set_tick_period_milliseconds")?
            .is_some()
        {
            return Ok(());
        }
        let period = (millis > 0).then(|| Duration::from_millis(u64::from(millis)));
        HostServices::set_tick_period(&self.worker, ContextId(ROOT), period);
        Ok(())
    }

    fn set_effective_context(&self, context: u32) -> HostResult<()> {
        if self.injected("proxy_set_effective_context")?.is_some() {
            return Ok(());
        }
        let exists = context == ROOT
            || self.streams.borrow().contains_key(&context)
            || self.connections.borrow().contains_key(&context);
        match context {
            0 => self.effective.set(self.current.get()),
            context if exists => self.effective.set(context),
            _ => return Err(BAD_ARGUMENT),
        }
        Ok(())
    }

    fn shared_data(&self, key: &[u8]) -> HostResult<(Vec<u8>, u32)> {
        if let Some(bytes) = self.injected("proxy_get_shared_data")? {
            return Ok((bytes, 0));
        }
        let entry = self.worker.world.shared.data().get(VM_ID, key);
        entry
            .map(|(value, cas)| (value.to_vec(), cas))
            .ok_or(NOT_FOUND)
    }

    fn set_shared_data(&self, key: &[u8], value: &[u8], cas: u32) -> HostResult<()> {
        if self.injected("proxy_set_shared_data")?.is_some() {
            return Ok(());
        }
        let data = self.worker.world.shared.data();
        let set = data.set(VM_ID, key, value, cas);
        set.map(|_cas| ()).map_err(|error| match error {
            SetError::CasMismatch(_) => Status::CasMismatch.to_u32(),
            _ => Status::InternalFailure.to_u32(),
        })
    }

    fn define_metric(&self, kind: MetricType, name: &[u8]) -> HostResult<u32> {
        if self.injected("proxy_define_metric")?.is_some() {
            return Ok(0);
        }
        let name = String::from_utf8_lossy(name).into_owned();
        Ok(self.worker.world.metrics.define(kind, name))
    }

    fn increment_metric(&self, id: u32, offset: i64) -> HostResult<()> {
        if self.injected("proxy_increment_metric")?.is_some() {
            return Ok(());
        }
        match MetricType::of_id(id) {
            Some(MetricType::Counter) if offset <= 0 => Err(BAD_ARGUMENT),
            Some(MetricType::Counter | MetricType::Gauge) => self.change_metric(id, |metric| {
                metric.value = metric.value.wrapping_add_signed(offset);
            }),
            Some(MetricType::Histogram) | None => Err(BAD_ARGUMENT),
        }
    }

    fn record_metric(&self, id: u32, value: u64) -> HostResult<()> {
        if self.injected("proxy_record_metric")?.is_some() {
            return Ok(());
        }
        match MetricType::of_id(id) {
            Some(MetricType::Counter) => self.change_metric(id, |metric| {
                metric.value = metric.value.wrapping_add(value);
            }),
            Some(MetricType::Gauge) => self.change_metric(id, |metric| metric.value = value),
            Some(MetricType::Histogram) => self.change_metric(id, |metric| {
                metric.value += 1;
                metric.sum = metric.sum.wrapping_add(value);
            }),
            None => Err(NOT_FOUND),
        }
    }

    fn metric(&self, id: u32) -> HostResult<u64> {
        if self.injected("proxy_get_metric")?.is_some() {
            return Ok(0);
        }
        if !matches!(
            MetricType::of_id(id),
            Some(MetricType::Counter | MetricType::Gauge)
        ) {
            return Err(BAD_ARGUMENT);
        }
        let mut value = 0;
        self.change_metric(id, |metric| value = metric.value)
            .map(|()| value)
    }

    fn http_call(&self, call: &HttpCallArguments<'_>) -> HostResult<u32> {
        self.start_callout(call)
    }

    fn register_shared_queue(&self, name: &[u8]) -> HostResult<u32> {
        self.register_queue(name)
    }

    fn resolve_shared_queue(&self, vm_id: &[u8], name: &[u8]) -> HostResult<u32> {
        self.resolve_queue(vm_id, name)
    }

    fn enqueue_shared_queue(&self, queue: u32, item: &[u8]) -> HostResult<()> {
        self.enqueue(queue, item)
    }

    fn dequeue_shared_queue(&self, queue: u32) -> HostResult<Vec<u8>> {
        self.dequeue(queue)
    }

    fn call_foreign_function(&self, name: &[u8], arguments: &[u8]) -> HostResult<Vec<u8>> {
        self.call_foreign(name, arguments)
    }

    fn status(&self) -> HostResult<(u32, Vec<u8>)> {
        if let Some(bytes) = self.injected("proxy_get_status")? {
            return Ok((0, bytes));
        }
        Ok(match &*self.delivery.borrow() {
            Some(Delivery::Grpc(GrpcDelivery::Close { status, message })) => {
                (*status, message.clone().into_bytes())
            }
            _ => (0, Vec::new()),
        })
    }

    fn resolve_dns(&self, name: &[u8]) -> HostResult<u32> {
        self.look_up(name)
    }

    fn grpc_call(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        self.start_grpc_call(call)
    }

    fn grpc_stream(&self, call: &GrpcCallArguments<'_>) -> HostResult<u32> {
        self.start_grpc_stream(call)
    }

    fn grpc_send(&self, token: u32, message: &[u8], end_of_stream: bool) -> HostResult<()> {
        self.send_grpc(token, message, end_of_stream)
    }

    fn grpc_cancel(&self, token: u32) -> HostResult<()> {
        self.end_grpc("proxy_grpc_cancel", token)
    }

    fn grpc_close(&self, token: u32) -> HostResult<()> {
        self.end_grpc("proxy_grpc_close", token)
    }

    fn done(&self) -> HostResult<()> {
        if self.injected("proxy_done")?.is_some() {
            return Ok(());
        }
        if !self.awaits_done.take() {
            return Err(NOT_FOUND);
        }
        self.defer(Effect::DeleteRoot);
        Ok(())
    }
}
