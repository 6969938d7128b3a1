//! The hostcalls that need no stream: log, time, shared data, metrics, callouts.

use std::time::Duration;

use bytes::Bytes;
use tollgate::native::{HostResult, HttpCallArguments, ServiceHost};
use tollgate_abi::{LogLevel, MetricType, Status, pairs};
use tollgate_runtime::{ContextId, HostServices, HttpCall, LogOrigin, SetError};

use super::host::{HTTP_CALL, NativeHost};
use super::{BAD_ARGUMENT, NOT_FOUND, ROOT};

/// Shared data belongs to a VM's id; a test has one.
const VM_ID: &str = "";

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
        let exists = context == ROOT || self.streams.borrow().contains_key(&context);
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
        if self.injected(HTTP_CALL)?.is_some() {
            return Ok(0);
        }
        let token = self.last_token.get() + 4;
        let headers = pairs::decode(call.headers).unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| {
            (
                name.to_ascii_lowercase().into(),
                Bytes::copy_from_slice(value),
            )
        });
        let timeout = (call.timeout_ms > 0).then(|| Duration::from_millis(call.timeout_ms.into()));
        let started = self.worker.start_http_call(
            ContextId(ROOT),
            token,
            HttpCall {
                upstream: String::from_utf8_lossy(call.upstream).into_owned(),
                headers: headers.collect(),
                body: Bytes::copy_from_slice(call.body),
                timeout,
            },
        );
        started.map_err(|refusal| refusal.status.to_u32())?;
        self.last_token.set(token);
        self.call_back_if_wanted();
        Ok(token)
    }
}
