//! `WasmRuntime`: what all workers share of the embedding: engine, compiled modules, shared data.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tollgate_config::{Bootstrap, DataSource, PluginConfig, Settings};
use tollgate_runtime::{
    Engine, EngineOptions, LoadError, Module, SharedState, SnapshotError, VmIdLease,
};

use super::base::{BaseSnapshot, BaseSnapshots};
use super::canary;
use super::compile_cache;
use super::custom_metrics::CustomMetrics;
use super::error::PluginError;
use super::fault_log::FaultLog;
use super::faults::FaultSink;
use super::health::FailingPlugins;
use super::limits;
use super::module_file::read_module;
use super::spares::SpareBudget;
use super::state_watch::StateChecks;
use super::stats;
use crate::telemetry::{Counter, Stats};

/// How often deadlines of guests are looked at.
const EPOCH_INTERVAL: Duration = Duration::from_millis(10);

/// The part of the embedding that exists once per process. Modules are compiled once.
pub(crate) struct WasmRuntime {
    shared: Arc<SharedState>,
    settings: ArcSwap<Settings>,
    faults: Arc<FaultSink>,
    bases: BaseSnapshots,
    spares: OnceLock<Arc<SpareBudget>>,
    fault_log: FaultLog,
    failing_plugins: Arc<FailingPlugins>,
    state_checks: Arc<StateChecks>,
    snapshots: Counter,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// Made for the first plugin: without plugins there is neither compiler nor ticker.
    engine: Option<RunningEngine>,
    /// Those that something uses.
    modules: Vec<Weak<LoadedModule>>,
    /// Those that were compiled before they were asked for.
    prepared: Vec<Arc<LoadedModule>>,
    /// Modules that were compiled so far.
    count: u64,
    /// Where the modules come from while plugins are started: workers do not read them again, so
    /// all run the same code even if a file changes meanwhile.
    sources: Vec<(DataSource, Arc<LoadedModule>)>,
}

/// A compiled module and the bytes it was made of, which identify it.
#[derive(Debug)]
pub(super) struct LoadedModule {
    code: Bytes,
    /// Unlike an address it is never used again.
    pub(super) number: u64,
    pub(super) module: Module,
    /// Why a VM of it, once configured, could not be made a snapshot.
    pub(super) without_snapshot: OnceLock<SnapshotError>,
}

impl LoadedModule {
    /// Returns why streams cannot have instances of their own.
    pub(super) fn obstacle(&self) -> Option<&SnapshotError> {
        let by_code = self.module.snapshot_obstacle();
        by_code.or_else(|| self.without_snapshot.get())
    }
}

impl WasmRuntime {
    /// Returns an embedding without modules. Its statistics, and those that plugins define, are
    /// among `stats` from now on.
    pub(crate) fn new(stats: &Stats, settings: Arc<Settings>) -> Arc<Self> {
        let shared = Arc::new(limits::shared_state(&settings.limits));
        stats.add_source(CustomMetrics(Arc::clone(&shared)));
        stats::register(stats);
        Arc::new(Self {
            shared,
            faults: FaultSink::new(&settings.diagnosis),
            settings: ArcSwap::new(settings),
            bases: BaseSnapshots::default(),
            spares: OnceLock::new(),
            fault_log: FaultLog::default(),
            failing_plugins: Arc::default(),
            state_checks: StateChecks::new(stats),
            snapshots: stats::snapshots(stats),
            loaded: Mutex::default(),
        })
    }

    /// Returns what guests share across VMs: data and metrics.
    pub(crate) fn shared_state(&self) -> &Arc<SharedState> {
        &self.shared
    }

    /// Returns the settings of what is started now.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Starts plugins by these settings from now on; returns those before.
    pub(crate) fn set_settings(&self, settings: Arc<Settings>) -> Arc<Settings> {
        self.faults.configure(&settings.diagnosis);
        self.settings.swap(settings)
    }

    /// Returns what takes the faults of plugins.
    pub(crate) fn faults(&self) -> &Arc<FaultSink> {
        &self.faults
    }

    pub(super) const fn bases(&self) -> &BaseSnapshots {
        &self.bases
    }

    /// Returns how many instances may wait for streams. A module was compiled before.
    pub(super) fn spare_budget(&self) -> Arc<SpareBudget> {
        let budget = self.spares.get_or_init(|| {
            let loaded = self.loaded.lock();
            let running = loaded.engine.as_ref();
            let pool = running.and_then(|it| it.engine.capabilities().pool_instances);
            Arc::new(SpareBudget::of_pool(pool))
        });
        Arc::clone(budget)
    }

    /// A snapshot was taken that workers share.
    pub(super) fn count_snapshot(&self) {
        self.snapshots.inc();
    }

    pub(super) const fn fault_log(&self) -> &FaultLog {
        &self.fault_log
    }

    /// Returns what looks for plugins that keep state in their memory.
    pub(super) const fn state_checks(&self) -> &Arc<StateChecks> {
        &self.state_checks
    }

    /// Returns the plugins that keep failing, so that nothing passes them.
    pub(crate) const fn failing_plugins(&self) -> &Arc<FailingPlugins> {
        &self.failing_plugins
    }

    /// Reads and compiles every plugin's module, and keeps what plugins share across VMs: what one
    /// stores while it is checked is there when the workers start it.
    ///
    /// # Errors
    ///
    /// For the first module that is refused.
    pub(crate) fn load_plugins(
        &self,
        bootstraps: &[Bootstrap],
    ) -> Result<LoadedPlugins, PluginError> {
        self.loaded.lock().sources.clear();
        let mut loaded = LoadedPlugins::default();
        for plugin in bootstraps.iter().flat_map(Bootstrap::plugins) {
            let lease = self.shared.lease(&plugin.vm_config.vm_id);
            loaded.leases.push(lease);
            loaded.modules.push(self.module(plugin)?);
        }
        Ok(loaded)
    }

    /// Starts and configures each plugin once in a VM that is thrown away: what is refused here
    /// would be refused by every worker. Adds to `loaded` the snapshots that workers need.
    ///
    /// # Errors
    ///
    /// For the first plugin that cannot serve.
    pub(crate) fn check_plugins(
        self: &Arc<Self>,
        bootstraps: &[Bootstrap],
        loaded: &mut LoadedPlugins,
    ) -> Result<(), PluginError> {
        for bootstrap in bootstraps {
            loaded.bases.extend(canary::check(self, bootstrap)?);
        }
        Ok(())
    }

    /// Compiles modules that are about to be loaded, on a thread of its own: files need a moment to
    /// settle, and whoever loads one of them meanwhile waits for it.
    pub(crate) fn prepare(self: &Arc<Self>, modules: Vec<Bytes>) {
        if modules.is_empty() {
            return;
        }
        let runtime = Arc::clone(self);
        let thread = std::thread::Builder::new().name("wasm-prepare".to_owned());
        let started = thread.spawn(move || runtime.prepare_now(modules));
        if let Err(error) = started {
            tracing::error!(target: "wasm", %error, "no thread to compile modules early");
        }
    }

    pub(super) fn prepare_now(&self, modules: Vec<Bytes>) {
        self.loaded.lock().prepared.clear();
        for code in modules {
            let mut loaded = self.loaded.lock();
            let engine = loaded.engine.as_ref().map(|running| running.engine.clone());
            let Some(engine) = engine.filter(|_| loaded.find(&code).is_none()) else {
                continue;
            };
            // What is wrong with it is said when it is loaded.
            if let Ok(module) = loaded.add(&engine, code) {
                loaded.prepared.push(module);
            }
        }
    }

    /// All workers have started what they were to start.
    pub(crate) fn forget_sources(&self) {
        let mut loaded = self.loaded.lock();
        loaded.sources.clear();
        loaded.prepared.clear();
    }

    /// Returns a plugin's module as it was loaded last.
    pub(super) fn module(&self, plugin: &PluginConfig) -> Result<Arc<LoadedModule>, PluginError> {
        let source = &plugin.vm_config.code;
        let loaded = self.loaded.lock();
        let known = loaded.sources.iter().find(|(known, _)| known == source);
        if let Some((_, module)) = known {
            return Ok(Arc::clone(module));
        }
        drop(loaded);
        self.load_module(plugin)
    }

    /// Reads a plugin's module and compiles it, unless the same code is compiled already.
    fn load_module(&self, plugin: &PluginConfig) -> Result<Arc<LoadedModule>, PluginError> {
        let code = code(plugin)?;
        // Held while compiling: others that want the same module wait instead of compiling it too.
        let mut loaded = self.loaded.lock();
        let module = match loaded.find(&code) {
            Some(known) => known,
            None => loaded.compile(code, plugin, &self.settings())?,
        };
        loaded
            .sources
            .retain(|(source, _)| *source != plugin.vm_config.code);
        loaded
            .sources
            .push((plugin.vm_config.code.clone(), Arc::clone(&module)));
        Ok(module)
    }
}

/// The modules of a generation's plugins, and what keeps the data and queues of their VM ids.
#[derive(Default)]
pub(crate) struct LoadedPlugins {
    modules: Vec<Arc<LoadedModule>>,
    leases: Vec<VmIdLease>,
    /// Snapshots of those whose streams have instances of their own.
    bases: Vec<Arc<BaseSnapshot>>,
}

impl LoadedPlugins {
    /// Returns numbers that tell the plugins' code apart, in their order.
    pub(crate) fn code_numbers(&self) -> impl Iterator<Item = u64> {
        self.modules.iter().map(|module| module.number)
    }

    /// Returns whether every plugin has the code that it has there.
    pub(crate) fn has_same_code(&self, other: &Self) -> bool {
        let pairs = self.modules.iter().zip(&other.modules);
        self.modules.len() == other.modules.len()
            && pairs.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl Loaded {
    fn compile(
        &mut self,
        code: Bytes,
        plugin: &PluginConfig,
        settings: &Settings,
    ) -> Result<Arc<LoadedModule>, PluginError> {
        let engine = match &mut self.engine {
            Some(running) => &running.engine,
            none => &none.insert(RunningEngine::start(settings)?).engine,
        };
        let engine = engine.clone();
        self.add(&engine, code)
            .map_err(|source| PluginError::load(plugin, source))
    }

    /// Returns the module that was compiled from this code, if something uses it.
    fn find(&mut self, code: &Bytes) -> Option<Arc<LoadedModule>> {
        self.modules.retain(|known| known.strong_count() > 0);
        let mut known = self.modules.iter().filter_map(Weak::upgrade);
        known.find(|known| known.code == *code)
    }

    fn add(&mut self, engine: &Engine, code: Bytes) -> Result<Arc<LoadedModule>, LoadError> {
        let module = Module::new(engine, &code)?;
        self.count += 1;
        let number = self.count;
        let new = Arc::new(LoadedModule {
            code,
            number,
            module,
            without_snapshot: OnceLock::new(),
        });
        self.modules.push(Arc::downgrade(&new));
        Ok(new)
    }
}

/// An engine whose clock of deadlines runs until this is dropped.
struct RunningEngine {
    engine: Engine,
    _clock_runs: Arc<()>,
}

impl RunningEngine {
    fn start(settings: &Settings) -> Result<Self, PluginError> {
        let default = EngineOptions::default();
        let options = EngineOptions {
            epoch_interval: EPOCH_INTERVAL,
            coredumps: settings.diagnosis.coredumps.is_some(),
            stack_bytes: settings.limits.stack_bytes.unwrap_or(default.stack_bytes),
            ..default
        };
        let engine = compile_cache::start_engine(options, settings)?;
        let clock_runs = Arc::new(());
        let (ticking, runs) = (engine.clone(), Arc::downgrade(&clock_runs));
        let clock = std::thread::Builder::new().name("wasm-epoch".to_owned());
        let clock = clock.spawn(move || {
            while runs.strong_count() > 0 {
                std::thread::sleep(EPOCH_INTERVAL);
                ticking.increment_epoch();
            }
        });
        clock.map_err(PluginError::Clock)?;
        Ok(Self {
            engine,
            _clock_runs: clock_runs,
        })
    }
}

impl fmt::Debug for WasmRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmRuntime").finish_non_exhaustive()
    }
}

fn code(plugin: &PluginConfig) -> Result<Bytes, PluginError> {
    let name = || plugin.name.clone();
    let code = match &plugin.vm_config.code {
        DataSource::File(path) => {
            read_module(path)
                .map(Bytes::from)
                .map_err(|source| PluginError::ReadFile {
                    plugin: name(),
                    path: path.clone(),
                    source,
                })?
        }
        DataSource::Inline(bytes) => bytes.clone(),
        DataSource::EnvironmentVariable(variable) => {
            let value = std::env::var_os(variable).ok_or_else(|| PluginError::NoVariable {
                plugin: name(),
                variable: variable.clone(),
            })?;
            Bytes::from(value.into_encoded_bytes())
        }
    };
    if code.is_empty() {
        return Err(PluginError::NoCode { plugin: name() });
    }
    Ok(code)
}
