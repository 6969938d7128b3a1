//! `Generation` and `Generations`: what the whole process knows of them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tollgate_config::Bootstrap;

use super::streams::StreamCount;
use super::{Deployment, GenerationId};
use crate::listener::ListenerKey;
use crate::telemetry::{StatSnapshot, StatSource, StatValue, Stats};
use crate::wasm::LoadedPlugins;

/// One generation, shared by all workers. It lives as long as anything of it is left.
pub(crate) struct Generation {
    id: GenerationId,
    deployments: Vec<Deployment>,
    since: SystemTime,
    counts: Mutex<Vec<Arc<StreamCount>>>,
    faults: Arc<AtomicU64>,
    plugins: LoadedPlugins,
}

/// All generations of which anything is left.
#[derive(Default)]
pub(crate) struct Generations {
    current: ArcSwapOption<Generation>,
    known: Mutex<Vec<Weak<Generation>>>,
}

impl Generation {
    /// Returns a generation that nobody serves yet.
    pub(crate) fn new(
        id: GenerationId,
        deployments: Vec<Deployment>,
        plugins: LoadedPlugins,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            deployments,
            since: SystemTime::now(),
            counts: Mutex::default(),
            faults: Arc::default(),
            plugins,
        })
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> GenerationId {
        self.id
    }

    /// Returns its configurations.
    pub(crate) fn deployments(&self) -> &[Deployment] {
        &self.deployments
    }

    /// Iterates over what the files configure.
    pub(crate) fn bootstraps(&self) -> impl Iterator<Item = &Bootstrap> {
        let deployments = self.deployments.iter();
        deployments.map(|deployment| &deployment.bootstrap)
    }

    /// Returns when it was made.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    pub(super) fn plugins(&self) -> &LoadedPlugins {
        &self.plugins
    }

    /// Returns the listeners by name with the addresses they are bound to.
    pub(crate) fn listener_addresses(&self) -> Vec<(String, SocketAddr)> {
        let listeners = self.deployments.iter().flat_map(Deployment::listeners);
        let named = listeners.map(|(_, name, address)| (name.to_owned(), address));
        named.collect()
    }

    /// Iterates over the listeners by key with the addresses they are bound to.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (ListenerKey, SocketAddr)> {
        let listeners = self.deployments.iter().flat_map(Deployment::listeners);
        listeners.map(|(key, _, address)| (key, address))
    }

    /// Returns the longest drain timeout of its configurations.
    pub(crate) fn drain_timeout(&self) -> Duration {
        let timeouts = self.deployments.iter().map(Deployment::drain_timeout);
        timeouts.max().unwrap_or_default()
    }

    /// Returns a count of streams for one worker.
    pub(super) fn count_of_worker(&self) -> Arc<StreamCount> {
        let count = Arc::default();
        self.counts.lock().push(Arc::clone(&count));
        count
    }

    /// Returns what counts the faults of the plugins that it has started.
    pub(crate) fn faults(&self) -> &Arc<AtomicU64> {
        &self.faults
    }

    /// Returns how many streams it serves.
    pub(crate) fn active_streams(&self) -> u64 {
        self.counts.lock().iter().map(|count| count.active()).sum()
    }

    /// Returns how many streams it has served, those that are active included.
    pub(crate) fn started_streams(&self) -> u64 {
        self.counts.lock().iter().map(|count| count.started()).sum()
    }
}

impl Generations {
    /// Returns none yet; they are among `stats` from now on.
    pub(crate) fn new(stats: &Stats) -> Arc<Self> {
        let new = Arc::<Self>::default();
        stats.add_source(GenerationStats(Arc::clone(&new)));
        new
    }

    /// Returns the one that is served, once there is one.
    pub(crate) fn current(&self) -> Option<Arc<Generation>> {
        self.current.load_full()
    }

    /// All workers serve this one from now on.
    pub(crate) fn set_current(&self, generation: &Arc<Generation>) {
        let mut known = self.known.lock();
        known.retain(|known| known.strong_count() > 0);
        let is_new = known
            .iter()
            .all(|known| !std::ptr::eq(known.as_ptr(), Arc::as_ptr(generation)));
        if is_new {
            known.push(Arc::downgrade(generation));
        }
        self.current.store(Some(Arc::clone(generation)));
    }

    /// Returns those of which anything is left, in order.
    pub(crate) fn alive(&self) -> Vec<Arc<Generation>> {
        let known = self.known.lock();
        known.iter().filter_map(Weak::upgrade).collect()
    }
}

/// The generations among the statistics.
struct GenerationStats(Arc<Generations>);

impl StatSource for GenerationStats {
    fn collect(&self, out: &mut Vec<StatSnapshot>) {
        let alive = self.0.alive();
        let mut gauge = |name: String, value: u64| {
            out.push(StatSnapshot {
                name,
                value: StatValue::Gauge(value),
                used: true,
            });
        };
        gauge("tollgate.generations_alive".to_owned(), alive.len() as u64);
        if let Some(current) = self.0.current() {
            gauge("tollgate.generation".to_owned(), current.id().number());
        }
        for generation in alive {
            let name = format!("tollgate.generation.{}.streams_active", generation.id());
            gauge(name, generation.active_streams());
        }
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generations").finish_non_exhaustive()
    }
}
