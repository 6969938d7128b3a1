//! `VmState`: all that hostcalls can reach.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tollgate_abi::{AbiVersion, Status};
use wasmtime::{Instance, Memory};

use super::callback::Callback;
use super::effects::Effect;
use super::history::History;
use super::in_flight::InFlight;
use super::limits::Limiter;
use super::log_rate::{LogRate, Verdict};
use super::numbers::Numbers;
use crate::context::{Context, ContextTable, HttpContext, RootContext, TcpContext};
use crate::host::{HostServices, LogOrigin, PropertyDeclaration};
use crate::imports::Gate;
use crate::intercept::HostcallInterceptor;
use crate::record::{Player, PluginPart, Recorder, Recording};
use crate::shared::{MetricTable, Namespace, SharedState, VmIdLease};
use crate::{ContextId, SnapshotReport, VmConfig};

/// The VM itself: no plugin, no stream.
pub(crate) const VM_CONTEXT: ContextId = ContextId(0);

/// Largest buffer that is kept from one hostcall to the next.
const MAX_KEPT: usize = 256 * 1024;

/// The state of a VM outside the guest's memory.
pub(crate) struct VmState {
    pub(crate) abi: AbiVersion,
    pub(crate) common: Arc<Common>,
    pub(crate) services: Rc<dyn HostServices>,
    pub(crate) metrics: MetricTable,
    pub(crate) contexts: ContextTable,
    /// The context whose callback runs.
    pub(crate) current: ContextId,
    /// The context that hostcalls act on instead, if it is alive; 0 for none.
    pub(crate) effective: ContextId,
    pub(crate) gate: Gate,
    pub(crate) effects: VecDeque<Effect>,
    /// Whether a local response was sent in this callback, which overrides its action.
    pub(crate) has_replied: bool,
    pub(crate) limiter: Limiter,
    /// What a fault will be explained by.
    pub(crate) history: History,
    /// Set once it exists.
    pub(crate) instance: Option<Instance>,
    /// Set once the instance exists; hostcalls of a start section look it up themselves.
    pub(crate) memory: Option<Memory>,
    pub(crate) memory_export: Option<String>,
    pub(crate) allocator: Option<Callback<u32, u32>>,
    /// Whether the guest offers blocks for returned bytes.
    pub(crate) offers_results: bool,
    /// Whether the guest has `proxy_on_tick`: without it no timer runs.
    pub(crate) has_tick: bool,
    /// Whether the guest is being started or configured.
    pub(crate) is_starting: bool,
    /// What it read meanwhile.
    pub(crate) start_reads: SnapshotReport,
    pub(crate) interceptor: Option<Rc<dyn HostcallInterceptor>>,
    /// Keeps what the guest is told, if that is wanted.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// Answers in place of the host, in a replay.
    pub(crate) player: Option<Box<Player>>,
    pub(crate) in_flight: InFlight,
    /// Whether the guest is being told of a gRPC callout that could not start.
    pub(crate) closes_refused_grpc: bool,
    /// Reused buffers, so that a hostcall need not allocate.
    pub(crate) name: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// What a VM and the instances of its snapshots have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) config: VmConfig,
    pub(crate) lease: VmIdLease,
    pub(crate) shared_data: Arc<Namespace>,
    pub(crate) numbers: Numbers,
    /// How many HTTP callouts wait for an answer.
    pub(crate) callouts: AtomicUsize,
    log_rate: LogRate,
}

impl Common {
    fn new(config: VmConfig, shared: &Arc<SharedState>) -> Self {
        Self {
            // Before the data is looked for: from here on nobody deletes it.
            lease: shared.lease(&config.vm_id),
            shared_data: shared.data().namespace(&config.vm_id),
            numbers: Numbers::default(),
            callouts: AtomicUsize::new(0),
            log_rate: LogRate::default(),
            config,
        }
    }
}

impl fmt::Debug for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VmState")
            .field("vm_id", &self.common.config.vm_id)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl VmState {
    pub(crate) fn new(
        abi: AbiVersion,
        config: VmConfig,
        shared: Arc<SharedState>,
        services: Rc<dyn HostServices>,
    ) -> Self {
        let gate = Gate::new(config.allowed_capabilities.as_ref());
        let common = Arc::new(Common::new(config, &shared));
        let metrics = MetricTable::new(shared, common.config.limits.metrics);
        Self::of(abi, common, metrics, gate, services)
    }

    /// Returns a state without contexts for a VM that starts from these.
    pub(crate) fn of(
        abi: AbiVersion,
        common: Arc<Common>,
        metrics: MetricTable,
        gate: Gate,
        services: Rc<dyn HostServices>,
    ) -> Self {
        Self {
            abi,
            services,
            metrics,
            contexts: ContextTable::default(),
            current: VM_CONTEXT,
            effective: VM_CONTEXT,
            gate,
            effects: VecDeque::new(),
            has_replied: false,
            limiter: Limiter::new(&common.config.limits),
            in_flight: InFlight::new(Arc::clone(&common)),
            common,
            history: History::default(),
            instance: None,
            memory: None,
            memory_export: None,
            allocator: None,
            offers_results: false,
            has_tick: false,
            is_starting: false,
            start_reads: SnapshotReport::default(),
            interceptor: None,
            recorder: None,
            player: None,
            closes_refused_grpc: false,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Keeps a buffer for the next hostcall, unless a big body has passed through it.
    pub(crate) fn keep_value(&mut self, value: Vec<u8>) {
        if value.capacity() <= MAX_KEPT {
            self.value = value;
        }
    }

    /// Adds a context.
    pub(crate) fn insert(&mut self, context: Context) -> ContextId {
        self.contexts.insert(context, &self.common.numbers)
    }

    /// Takes what was recorded up to now: the guest has failed.
    pub(crate) fn take_recording(&mut self) -> Option<Recording> {
        let recording = self.recorder.take()?.into_recording()?;
        let plugins = self.contexts.roots().map(|root| PluginPart {
            name: root.plugin.name.clone(),
            root_id: root.plugin.root_id.clone(),
            configuration: root.plugin.configuration.to_vec(),
        });
        Some(recording.in_vm(&self.common.config, plugins.collect()))
    }

    /// Removes a stream.
    pub(crate) fn forget_stream(&mut self, id: ContextId) {
        self.contexts.remove(id);
        if let Some(recorder) = &mut self.recorder {
            recorder.forget(id);
        }
    }

    /// Returns the context that hostcalls act on.
    pub(crate) fn acting(&self) -> ContextId {
        if self.effective != VM_CONTEXT && self.contexts.contains(self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    /// Returns the stream that hostcalls act on, if it is one.
    pub(crate) fn acting_http(&self) -> Option<&HttpContext> {
        self.contexts.http(self.acting())
    }

    pub(crate) fn acting_http_mut(&mut self) -> Option<&mut HttpContext> {
        self.contexts.http_mut(self.acting())
    }

    /// Returns the TCP connection that hostcalls act on, if it is one.
    pub(crate) fn acting_tcp(&self) -> Option<&TcpContext> {
        self.contexts.tcp(self.acting())
    }

    /// Returns the root of the context that hostcalls act on.
    pub(crate) fn acting_root(&self) -> Option<(ContextId, &RootContext)> {
        let id = self.contexts.root_of(self.acting())?;
        Some((id, self.contexts.root(id)?))
    }

    /// Declares a property of the streams of the root whose callback runs.
    pub(crate) fn declare_property(
        &mut self,
        name: &[u8],
        declaration: PropertyDeclaration,
    ) -> Result<(), Status> {
        let declarations = match self.contexts.get_mut(self.current) {
            Some(Context::Root(root)) => &mut root.declarations,
            Some(Context::Http(http)) => &mut http.declarations,
            Some(Context::Tcp(tcp)) => &mut tcp.declarations,
            None => return Err(Status::BadArgument),
        };
        declarations.declare(name, declaration)
    }

    /// Returns whether there is room for one more line in this second. Lines that the embedder drops
    /// anyway take none.
    fn may_log(&self, level: tollgate_abi::LogLevel) -> bool {
        const LIMIT: &str = "log_lines_per_second";
        if self.services.log_level().is_none_or(|least| level < least) {
            return true;
        }
        let limit = self.common.config.limits.log_lines_per_second;
        let now = self.services.realtime_nanos();
        match self.common.log_rate.judge(now, limit) {
            Verdict::Write => {}
            Verdict::WriteAfter(suppressed) => tracing::warn!(
                target: "tollgate::hostcall",
                vm_id = self.common.config.vm_id,
                limit = LIMIT,
                suppressed,
                "log lines were suppressed",
            ),
            Verdict::Suppress => {
                self.services.limit_hit(LIMIT);
                return false;
            }
        }
        true
    }

    /// Writes a log line of the guest with the prefix of the acting context, unless there were too
    /// many in this second.
    pub(crate) fn log(&self, level: tollgate_abi::LogLevel, message: &[u8]) {
        if !self.may_log(level) {
            return;
        }
        let vm_id = self.common.config.vm_id.as_str();
        let origin = match self.contexts.get(self.acting()) {
            None => LogOrigin {
                plugin_name: None,
                root_id: "",
                vm_id: "",
            },
            Some(Context::Root(root)) => LogOrigin {
                plugin_name: None,
                root_id: &root.plugin.root_id,
                vm_id,
            },
            Some(
                Context::Http(HttpContext { plugin, .. }) | Context::Tcp(TcpContext { plugin, .. }),
            ) => LogOrigin {
                plugin_name: Some(&plugin.name),
                root_id: &plugin.root_id,
                vm_id,
            },
        };
        self.services.log(origin, level, message);
    }

    /// Returns the name of the plugin whose callback runs; empty for the VM itself.
    pub(crate) fn plugin_name(&self, id: ContextId) -> &str {
        match self.contexts.get(id) {
            None => "",
            Some(Context::Root(root)) => &root.plugin.name,
            Some(Context::Http(http)) => &http.plugin.name,
            Some(Context::Tcp(tcp)) => &tcp.plugin.name,
        }
    }
}
