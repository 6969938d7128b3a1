//! Metrics that plugins define.

use std::sync::atomic::Ordering;

use tollgate_abi::{MetricType, Status};

use super::{GuestSlice, Hostcall, Linking, Refusal, Stop, hostcall};
use crate::imports::env;
use crate::shared::MetricRef;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::DEFINE_METRIC,
        |call, kind: u32, name: u32, size: u32, id: u32| {
            define(call, kind, GuestSlice::new(name, size), id)
        }
    );
    hostcall!(
        linking,
        env::INCREMENT_METRIC,
        |call, id: u32, offset: u64| { increment(call.state(), id, offset.cast_signed()) }
    );
    hostcall!(linking, env::RECORD_METRIC, |call, id: u32, value: u64| {
        record(call.state(), id, value)
    });
    hostcall!(linking, env::GET_METRIC, |call, id: u32, result: u32| {
        let value = value(call.state(), id)?;
        call.write_u64(result, value)
    });
    Ok(())
}

const UNKNOWN: Refusal = Refusal::not_found("no metric of this VM has that id");
const TOO_MANY: Refusal = Refusal::new(
    Status::InternalFailure,
    "too many metrics are defined; define each once, while starting",
)
.beyond("metrics");
const NO_KIND: Refusal = Refusal::bad_argument("an id whose low bits are 3 names no metric");

fn define(call: &mut Hostcall<'_>, kind: u32, name: GuestSlice, id: u32) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let name = String::from_utf8_lossy(name.read(memory)?);
    let kind =
        MetricType::try_from(kind).map_err(|_| Refusal::bad_argument("metric types are 0 to 2"))?;
    let defined = state.metrics.define(kind, &name).ok_or(TOO_MANY)?;
    call.write_u32(id, defined)
}

/// Finds a metric; an id without a kind is the caller's mistake, another one may be unknown.
fn find(state: &VmState, id: u32) -> Result<MetricRef<'_>, Refusal> {
    let known = MetricType::of_id(id).ok_or(NO_KIND)?;
    match (state.metrics.find(id), known) {
        (Some(metric), _) => Ok(metric),
        (None, MetricType::Histogram) => {
            Err(Refusal::bad_argument("histograms can only be recorded"))
        }
        (None, MetricType::Counter | MetricType::Gauge) => Err(UNKNOWN),
    }
}

fn increment(state: &VmState, id: u32, offset: i64) -> Result<(), Stop> {
    match find(state, id)? {
        MetricRef::Counter(value) if offset > 0 => {
            value.fetch_add(offset.unsigned_abs(), Ordering::Relaxed);
        }
        MetricRef::Counter(_) => {
            return Err(Refusal::bad_argument("a counter grows by at least 1").into());
        }
        // Below zero the value wraps, so that a later increment restores it.
        MetricRef::Gauge(value) => {
            value.fetch_add(offset.cast_unsigned(), Ordering::Relaxed);
        }
        MetricRef::Histogram(_) => {
            return Err(Refusal::bad_argument("histograms can only be recorded").into());
        }
    }
    Ok(())
}

fn record(state: &VmState, id: u32, number: u64) -> Result<(), Stop> {
    match state.metrics.find(id).ok_or(UNKNOWN)? {
        // Not "sets": SDKs increment counters this way.
        MetricRef::Counter(value) => {
            value.fetch_add(number, Ordering::Relaxed);
        }
        MetricRef::Gauge(value) => value.store(number, Ordering::Relaxed),
        MetricRef::Histogram(histogram) => histogram.record(number),
    }
    Ok(())
}

fn value(state: &VmState, id: u32) -> Result<u64, Refusal> {
    match find(state, id)? {
        MetricRef::Counter(value) | MetricRef::Gauge(value) => Ok(value.load(Ordering::Relaxed)),
        MetricRef::Histogram(_) => Err(Refusal::bad_argument("a histogram has no single value")),
    }
}
