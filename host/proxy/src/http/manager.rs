//! Manager: one configured connection manager on one worker, ready to serve.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use tollgate_config::{HttpConnectionManager, HttpFilterKind};

use super::normalize::Normalizer;
use super::stream_logger::{StreamLogger, StreamLoggerError};
use crate::filter::{HttpFilter, StreamInfo, StreamState};
use crate::generation::WorkerStreams;
use crate::route::{RouteTable, RouteTableError};
use crate::telemetry::HttpStats;
use crate::wasm::{PluginError, PluginHandle, PluginRegistry, StreamVms};
use crate::worker::WorkerContext;

const SERVICE_TIME: HeaderName = HeaderName::from_static("x-envoy-upstream-service-time");

/// A connection manager of a filter chain on one worker.
pub(crate) struct Manager {
    pub(super) config: Rc<HttpConnectionManager>,
    pub(super) worker: Rc<WorkerContext>,
    pub(super) routes: Rc<RouteTable>,
    pub(super) normalizer: Normalizer,
    pub(super) suppress_envoy_headers: bool,
    pub(super) buffer_limit: usize,
    filters: Vec<FilterSlot>,
    access_log: Vec<StreamLogger>,
    looks_at_sent_headers: bool,
    /// Statistics.
    pub(super) stats: HttpStats,
    last_milliseconds: RefCell<(Duration, HeaderValue)>,
}

/// A place in the filter chain.
struct FilterSlot {
    name: String,
    disabled: bool,
    plugin: Rc<PluginHandle>,
}

/// Why a connection manager cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManagerError {
    /// Its routes cannot be used.
    #[error("route_config: {0}")]
    Routes(#[from] RouteTableError),
    /// An access log cannot serve.
    #[error(transparent)]
    AccessLog(#[from] StreamLoggerError),
    /// A plugin does not start.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

impl Manager {
    /// Makes a connection manager and starts its plugins. Its statistics by listener are under
    /// `listener_prefix`; `buffer_limit` bounds what filters hold of a body.
    ///
    /// # Errors
    ///
    /// When its routes cannot be used or a plugin does not start.
    pub(crate) fn new(
        config: &HttpConnectionManager,
        worker: &Rc<WorkerContext>,
        plugins: &PluginRegistry,
        listener_prefix: &str,
        buffer_limit: usize,
    ) -> Result<Rc<Self>, ManagerError> {
        let mut filters = Vec::new();
        let mut suppress_envoy_headers = false;
        for filter in &config.http_filters {
            match &filter.kind {
                HttpFilterKind::Wasm(plugin) => filters.push(FilterSlot {
                    name: filter.name.clone(),
                    disabled: filter.disabled,
                    plugin: plugins.add(plugin)?,
                }),
                HttpFilterKind::Router {
                    suppress_envoy_headers: suppress,
                } => {
                    suppress_envoy_headers = *suppress;
                }
            }
        }
        let access_log = config
            .access_log
            .iter()
            .map(|log| StreamLogger::new(log, worker, plugins))
            .collect::<Result<Vec<_>, _>>()?;
        let mut plugins = filters.iter().map(|slot: &FilterSlot| &slot.plugin);
        let filters_look = plugins.any(|plugin| plugin.reads_sent_headers());
        Ok(Rc::new(Self {
            routes: Rc::new(RouteTable::new(&config.route_config)?),
            normalizer: Normalizer::new(config, worker.own_address),
            worker: Rc::clone(worker),
            config: Rc::new(config.clone()),
            suppress_envoy_headers,
            buffer_limit,
            looks_at_sent_headers: filters_look || !access_log.is_empty(),
            filters,
            access_log,
            stats: HttpStats::new(&worker.stats, listener_prefix, &config.stat_prefix),
            last_milliseconds: RefCell::new((Duration::ZERO, HeaderValue::from_static("0"))),
        }))
    }

    /// Returns the streams of this manager's generation.
    pub(crate) fn streams(&self) -> &Rc<WorkerStreams> {
        self.worker.streams()
    }

    /// Returns the filters of a stream: those that its route does not turn off.
    pub(super) fn create_filters(&self, state: &Rc<StreamState>) -> Vec<Box<dyn HttpFilter>> {
        if self.filters.is_empty() {
            return Vec::new();
        }
        let route = state.selected_route();
        let is_on = |slot: &&FilterSlot| {
            let by_route = route
                .as_ref()
                .and_then(|route| route.filter_disabled(&slot.name));
            !by_route.unwrap_or(slot.disabled)
        };
        let filters = self.filters.iter().filter(is_on);
        let mut vms = StreamVms::default();
        filters
            .filter_map(|slot| slot.plugin.create_filter(state, &mut vms))
            .collect()
    }

    /// Returns whether logs or filters may read headers after they were sent.
    pub(super) fn looks_at_sent_headers(&self) -> bool {
        self.looks_at_sent_headers
    }

    /// Returns whether an upgrade is allowed where the route does not say.
    pub(super) fn allows_upgrade(&self, kind: &str) -> bool {
        self.config
            .upgrade_types
            .iter()
            .any(|allowed| allowed == kind)
    }

    /// Tells the client how long the upstream took.
    pub(super) fn set_service_time(&self, fields: &mut HeaderMap, info: &StreamInfo, now: Instant) {
        if self.suppress_envoy_headers {
            return;
        }
        // Measured from the end of the request, as in Envoy.
        let sent = info
            .times
            .last_upstream_tx
            .get()
            .or_else(|| info.times.first_upstream_tx.get());
        let took = sent.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
        fields.insert(SERVICE_TIME, self.milliseconds(took));
    }

    /// Returns a duration in milliseconds as a header's value. Most are the same again and again.
    pub(super) fn milliseconds(&self, duration: Duration) -> HeaderValue {
        let whole = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        if whole.is_zero() {
            return HeaderValue::from_static("0");
        }
        let mut last = self.last_milliseconds.borrow_mut();
        if last.0 != whole {
            let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
            *last = (whole, HeaderValue::from(millis));
        }
        last.1.clone()
    }

    /// Logs a stream that has ended.
    pub(super) fn log(&self, state: &Rc<StreamState>) {
        self.access_log.iter().for_each(|logger| logger.log(state));
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager")
            .field("stat_prefix", &self.config.stat_prefix)
            .finish_non_exhaustive()
    }
}
