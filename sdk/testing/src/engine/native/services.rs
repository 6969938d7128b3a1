//! The hostcalls that need no stream: log, time, shared data, metrics, callouts.

use std::time::Duration;

use bytes::Bytes;
use tollgate::native::{HostResult, HttpCallArguments, ServiceHost};
use tollgate_abi::{LogLevel, MetricType, Status, pairs};
use tollgate_runtime::{ContextId, HostServices, HttpCall, LogOrigin, SetError};

use super::ROOT;
use super::host::{BAD_ARGUMENT, Metric, NOT_FOUND, NativeHost};

/// Shared data belongs to a VM's id; a test has one.
const VM_ID: &str = "";

impl ServiceHost for NativeHost {
    fn log(&self, level: LogLevel, message: &[u8]) {
        let origin = LogOrigin {
            plugin_name: None,
            root_id: "",
            vm_id: VM_ID,
        };
        HostServices::log(&*self.world, origin, level, message);
    }

    fn log_level(&self) -> u32 {
        self.world.log_level.get().to_u32()
    }

    fn current_time_nanos(&self) -> u64 {
        self.world.realtime_nanos()
    }

    fn set_tick_period(&self, millis: u32) -> HostResult<()> {
        let period = (millis > 0).then(|| Duration::from_millis(u64::from(millis)));
        HostServices::set_tick_period(&*self.world, ContextId(ROOT), period);
        Ok(())
    }

    fn set_effective_context(&self, context: u32) -> HostResult<()> {
        let exists = context == ROOT || self.streams.borrow().contains_key(&context);
        match context {
            0 => self.effective.set(self.current.get()),
            context if exists => self.effective.set(context),
            _ => return Err(BAD_ARGUMENT),
        }
        Ok(())
    }

    fn shared_data(&self, key: &[u8]) -> HostResult<(Vec<u8>, u32)> {
        let entry = self.world.shared.data().get(VM_ID, key);
        entry
            .map(|(value, cas)| (value.to_vec(), cas))
            .ok_or(NOT_FOUND)
    }

    fn set_shared_data(&self, key: &[u8], value: &[u8], cas: u32) -> HostResult<()> {
        let set = self.world.shared.data().set(VM_ID, key, value, cas);
        set.map(|_cas| ()).map_err(|error| match error {
            SetError::CasMismatch(_) => Status::CasMismatch.to_u32(),
            _ => Status::InternalFailure.to_u32(),
        })
    }

    fn define_metric(&self, kind: MetricType, name: &[u8]) -> HostResult<u32> {
        let name = String::from_utf8_lossy(name).into_owned();
        let mut metrics = self.metrics.borrow_mut();
        metrics.push(Metric {
            kind,
            name,
            value: 0,
        });
        let id = u32::try_from(metrics.len() << 2).unwrap_or(u32::MAX);
        Ok(id | kind.to_u32())
    }

    fn increment_metric(&self, id: u32, offset: i64) -> HostResult<()> {
        match MetricType::of_id(id) {
            Some(MetricType::Counter) if offset <= 0 => Err(BAD_ARGUMENT),
            Some(MetricType::Counter | MetricType::Gauge) => self.find_metric(id, |metric| {
                metric.value = metric.value.wrapping_add_signed(offset);
            }),
            Some(MetricType::Histogram) | None => Err(BAD_ARGUMENT),
        }
    }

    fn record_metric(&self, id: u32, value: u64) -> HostResult<()> {
        match MetricType::of_id(id) {
            Some(MetricType::Counter) => self.find_metric(id, |metric| metric.value += value),
            Some(MetricType::Gauge) => self.find_metric(id, |metric| metric.value = value),
            // Of a histogram a test sees how often it recorded.
            Some(MetricType::Histogram) => self.find_metric(id, |metric| metric.value += 1),
            None => Err(NOT_FOUND),
        }
    }

    fn metric(&self, id: u32) -> HostResult<u64> {
        if !matches!(
            MetricType::of_id(id),
            Some(MetricType::Counter | MetricType::Gauge)
        ) {
            return Err(BAD_ARGUMENT);
        }
        let mut value = 0;
        self.find_metric(id, |metric| value = metric.value)
            .map(|()| value)
    }

    fn http_call(&self, call: &HttpCallArguments<'_>) -> HostResult<u32> {
        let token = self.last_token.get() + 4;
        let headers = pairs::decode(call.headers).unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| {
            (
                name.to_ascii_lowercase().into(),
                Bytes::copy_from_slice(value),
            )
        });
        let timeout = (call.timeout_ms > 0).then(|| Duration::from_millis(call.timeout_ms.into()));
        let started = self.world.start_http_call(
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
        Ok(token)
    }
}
