//! World: what surrounds a filter apart from its streams: time, log, clusters, ticks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::{LogLevel, Status, property};
use tollgate_runtime::{
    CalloutRefusal, ContextId, Header, HostServices, HttpCall, HttpCallResponse, LogOrigin,
    PropertyResult, PropertyValue, SharedState, VmIdLease,
};

use crate::upstream::{Handler, Kind, Message, UpstreamRequest, UpstreamResponse, text};

/// 2026-01-01: a time that a test can rely on without choosing one.
const DEFAULT_TIME: u64 = 1_767_225_600_000_000_000;

/// Time, log, clusters and ticks of one test.
pub(crate) struct World {
    pub(crate) now: Cell<u64>,
    pub(crate) log: RefCell<Vec<(LogLevel, String)>>,
    pub(crate) log_level: Cell<LogLevel>,
    pub(crate) clusters: RefCell<BTreeMap<String, Option<Handler>>>,
    pub(crate) callouts: RefCell<Vec<(String, UpstreamRequest)>>,
    pub(crate) properties: RefCell<BTreeMap<Vec<u8>, PropertyValue>>,
    pub(crate) shared: Arc<SharedState>,
    /// What a filter has stored outlives its VM, as it outlives a restart in a proxy.
    _lease: VmIdLease,
    pending: RefCell<Vec<Pending>>,
    tick: Cell<Option<Tick>>,
}

/// A callout on its way.
struct Pending {
    token: u32,
    due: u64,
    response: HttpCallResponse,
}

#[derive(Clone, Copy)]
struct Tick {
    period: u64,
    due: u64,
}

/// What happens next in the test's time.
pub(crate) enum Happening {
    Tick,
    Response {
        token: u32,
        response: HttpCallResponse,
    },
}

impl World {
    pub(crate) fn new() -> Self {
        let shared = Arc::<SharedState>::default();
        Self {
            now: Cell::new(DEFAULT_TIME),
            log: RefCell::default(),
            log_level: Cell::new(LogLevel::Trace),
            clusters: RefCell::default(),
            callouts: RefCell::default(),
            properties: RefCell::default(),
            _lease: shared.lease(""),
            shared,
            pending: RefCell::default(),
            tick: Cell::new(None),
        }
    }

    pub(crate) fn has_pending_callouts(&self) -> bool {
        !self.pending.borrow().is_empty()
    }

    /// Goes to the next tick or response at or before `limit`, and says which it is.
    pub(crate) fn next(&self, limit: u64) -> Option<Happening> {
        let tick = self.tick.get().filter(|tick| tick.due <= limit);
        let mut pending = self.pending.borrow_mut();
        let first = pending.iter().enumerate().min_by_key(|(_, call)| call.due);
        let first = first
            .map(|(index, call)| (index, call.due))
            .filter(|(_, due)| *due <= limit);
        match (tick, first) {
            (Some(tick), first) if first.is_none_or(|(_, due)| tick.due < due) => {
                self.now.set(self.now.get().max(tick.due));
                self.tick.set(Some(Tick {
                    due: tick.due + tick.period,
                    ..tick
                }));
                Some(Happening::Tick)
            }
            (_, Some((index, due))) => {
                self.now.set(self.now.get().max(due));
                let Pending {
                    token, response, ..
                } = pending.remove(index);
                Some(Happening::Response { token, response })
            }
            _ => None,
        }
    }

    /// When the last callout that is on its way ends.
    pub(crate) fn last_response(&self) -> Option<u64> {
        self.pending.borrow().iter().map(|call| call.due).max()
    }

    fn answer(&self, call: &HttpCall) -> Result<UpstreamResponse, CalloutRefusal> {
        let refuse = |status, reason: &str| {
            Err(CalloutRefusal {
                status,
                reason: format!("{reason} ({})", call.upstream),
            })
        };
        let clusters = self.clusters.borrow();
        let Some(handler) = clusters.get(&call.upstream) else {
            return refuse(Status::BadArgument, "unknown cluster");
        };
        for name in [":method", ":path", ":authority"] {
            if !call
                .headers
                .iter()
                .any(|(key, _)| key.as_ref() == name.as_bytes())
            {
                return refuse(Status::BadArgument, "a pseudo-header is missing");
            }
        }
        let Some(handler) = handler else {
            return refuse(Status::InternalFailure, "no healthy upstream");
        };
        let request = UpstreamRequest {
            headers: call
                .headers
                .iter()
                .map(|(key, value)| (text(key), value.to_vec()))
                .collect(),
            body: call.body.to_vec(),
            trailers: Vec::new(),
        };
        let answer = handler(&request);
        self.callouts
            .borrow_mut()
            .push((call.upstream.clone(), request));
        Ok(answer)
    }
}

impl HostServices for World {
    fn log(&self, _origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        self.log.borrow_mut().push((level, text(message)));
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(self.log_level.get())
    }

    fn realtime_nanos(&self) -> u64 {
        self.now.get()
    }

    fn monotonic_nanos(&self) -> u64 {
        self.now.get()
    }

    /// Tests are to be repeatable, so these bytes are not random.
    fn fill_random(&self, out: &mut [u8]) {
        for (byte, value) in out.iter_mut().zip((0..=u8::MAX).cycle()) {
            *byte = value;
        }
    }

    fn set_tick_period(&self, _root: ContextId, period: Option<Duration>) {
        let now = self.now.get();
        self.tick.set(period.map(nanos).map(|period| Tick {
            period,
            due: now + period,
        }));
    }

    fn start_http_call(
        &self,
        _root: ContextId,
        token: u32,
        call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        let answer = self.answer(&call)?;
        let timeout = call.timeout.unwrap_or(Duration::from_secs(86_400));
        let is_late = answer.kind == Kind::Silent || answer.delay >= timeout;
        let (delay, response) = if is_late {
            // What Envoy's router answers in the upstream's place.
            let timed_out = UpstreamResponse::new(504).body("upstream request timeout");
            (timeout, to_response(timed_out.kind))
        } else {
            (answer.delay, to_response(answer.kind))
        };
        let due = self.now.get().saturating_add(nanos(delay));
        self.pending.borrow_mut().push(Pending {
            token,
            due,
            response,
        });
        Ok(())
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        let properties = self.properties.borrow();
        properties
            .get(&property::join(path))
            .cloned()
            .ok_or(Status::NotFound)
    }
}

fn to_response(kind: Kind) -> HttpCallResponse {
    let Kind::Complete(Message {
        headers,
        body,
        trailers,
    }) = kind
    else {
        return HttpCallResponse::Reset;
    };
    HttpCallResponse::Complete {
        headers: headers.into_iter().map(to_header).collect(),
        body: Bytes::from(body),
        trailers: trailers.into_iter().map(to_header).collect(),
    }
}

fn to_header((name, value): (Vec<u8>, Vec<u8>)) -> Header {
    (Bytes::from(name), Bytes::from(value))
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos())
        .unwrap_or(u64::MAX / 4)
        .min(u64::MAX / 4)
}
