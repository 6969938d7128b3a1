//! Stats: the registry of statistics, and the handles by which they are counted.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::histogram::{Bins, Histogram};
use super::snapshot::{Distribution, StatSnapshot, StatSource, StatValue};
use super::writers::Writers;

/// The statistics of the process, as one worker counts them.
///
/// [`Clone`] gives a handle to the same cells, [`for_worker`](Self::for_worker) one to cells of
/// its own under the same names, which only one thread may count in.
#[derive(Clone)]
pub(crate) struct Stats {
    registry: Arc<Registry>,
    worker: usize,
}

#[derive(Default)]
struct Registry {
    workers: AtomicUsize,
    start_counted: AtomicBool,
    counters: Mutex<BTreeMap<String, Cells<Cell>>>,
    gauges: Mutex<BTreeMap<String, Cells<Cell>>>,
    histograms: Mutex<BTreeMap<String, HistogramEntry>>,
    sources: RwLock<Vec<Box<dyn StatSource>>>,
}

/// The cells of one statistic by worker.
type Cells<C> = Vec<(usize, Arc<C>)>;

#[derive(Default)]
struct HistogramEntry {
    cells: Cells<Bins>,
    /// Everything up to the last flush, and what came between the last two.
    flushed: Distribution,
    interval: Distribution,
}

/// One worker's share of a counter or gauge, alone on its cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Cell {
    writers: Writers,
    value: AtomicU64,
    /// What the value was at the last reset, as nobody else may write it.
    reset_at: AtomicU64,
    used: AtomicBool,
}

/// A number that grows.
#[derive(Clone, Debug)]
pub(crate) struct Counter(Arc<Cell>);

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub(crate) struct Gauge(Arc<Cell>);

impl Stats {
    /// Returns an empty registry.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            registry: Arc::default(),
            worker: 0,
        }
    }

    /// Returns a handle that counts in cells of its own.
    #[must_use]
    pub(crate) fn for_worker(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            worker: self.registry.workers.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// Returns the worker's number, from 0.
    #[must_use]
    pub(crate) fn worker_index(&self) -> usize {
        self.worker.saturating_sub(1)
    }

    /// Returns whether the start of the process is still to be counted; it is counted once.
    pub(crate) fn begins(&self) -> bool {
        !self.registry.start_counted.swap(true, Ordering::Relaxed)
    }

    /// Returns a counter, made if there is none of that name.
    #[must_use]
    pub(crate) fn counter(&self, name: &str) -> Counter {
        let mut counters = self.registry.counters.lock();
        Counter(self.cell(entry(&mut counters, name), Cell::new))
    }

    /// Returns a gauge, made if there is none of that name. Its value is the sum over the workers.
    #[must_use]
    pub(crate) fn gauge(&self, name: &str) -> Gauge {
        let mut gauges = self.registry.gauges.lock();
        Gauge(self.cell(entry(&mut gauges, name), Cell::new))
    }

    /// Returns a histogram, made if there is none of that name.
    #[must_use]
    pub(crate) fn histogram(&self, name: &str) -> Histogram {
        let mut histograms = self.registry.histograms.lock();
        let cells = &mut entry(&mut histograms, name).cells;
        Histogram::new(self.cell(cells, Bins::new))
    }

    /// Adds statistics that something else keeps.
    pub(crate) fn add_source(&self, source: impl StatSource + 'static) {
        self.registry.sources.write().push(Box::new(source));
    }

    /// Sets every counter to zero.
    pub(crate) fn reset_counters(&self) {
        for cells in self.registry.counters.lock().values() {
            for (_, cell) in cells {
                cell.reset();
            }
        }
    }

    /// Ends an interval of the histograms and begins the next one.
    pub(crate) fn flush(&self) {
        for entry in self.registry.histograms.lock().values_mut() {
            let now = merged(&entry.cells);
            entry.interval = now.since(&entry.flushed);
            entry.flushed = now;
        }
    }

    /// Returns all statistics: texts by name, counters and gauges by name, histograms by name.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Vec<StatSnapshot> {
        let mut all = Vec::new();
        for (name, cells) in self.registry.counters.lock().iter() {
            let value = StatValue::Counter(sum(cells));
            all.push(StatSnapshot {
                name: name.clone(),
                value,
                used: is_used(cells),
            });
        }
        for (name, cells) in self.registry.gauges.lock().iter() {
            let value = StatValue::Gauge(sum(cells));
            all.push(StatSnapshot {
                name: name.clone(),
                value,
                used: is_used(cells),
            });
        }
        for (name, entry) in self.registry.histograms.lock().iter() {
            let total = merged(&entry.cells);
            let used = total.count > 0;
            let value = StatValue::Histogram {
                total,
                interval: entry.interval.clone(),
            };
            all.push(StatSnapshot {
                name: name.clone(),
                value,
                used,
            });
        }
        self.registry
            .sources
            .read()
            .iter()
            .for_each(|source| source.collect(&mut all));
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        all
    }

    fn cell<C>(&self, cells: &mut Cells<C>, new: impl FnOnce(Writers) -> C) -> Arc<C> {
        if let Some((_, cell)) = cells.iter().find(|(worker, _)| *worker == self.worker) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(new(match self.worker {
            0 => Writers::Many,
            _ => Writers::One,
        }));
        cells.push((self.worker, Arc::clone(&cell)));
        cell
    }
}

impl Cell {
    fn new(writers: Writers) -> Self {
        Self {
            writers,
            value: AtomicU64::new(0),
            reset_at: AtomicU64::new(0),
            used: AtomicBool::new(false),
        }
    }

    fn add(&self, number: u64) {
        self.writers.add(&self.value, number);
    }

    fn value(&self) -> u64 {
        let value = self.value.load(Ordering::Relaxed);
        value.wrapping_sub(self.reset_at.load(Ordering::Relaxed))
    }

    fn reset(&self) {
        let value = self.value.load(Ordering::Relaxed);
        self.reset_at.store(value, Ordering::Relaxed);
    }
}

impl Counter {
    /// Adds one.
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    /// Adds a number.
    pub(crate) fn add(&self, number: u64) {
        self.0.add(number);
    }

    /// Returns what this worker has counted.
    #[cfg(test)]
    pub(crate) fn value(&self) -> u64 {
        self.0.value()
    }
}

impl Gauge {
    /// Adds one.
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    /// Takes one away.
    pub(crate) fn dec(&self) {
        self.sub(1);
    }

    /// Adds a number.
    pub(crate) fn add(&self, number: u64) {
        self.0.add(number);
        self.0.used.store(true, Ordering::Relaxed);
    }

    /// Takes a number away.
    pub(crate) fn sub(&self, number: u64) {
        self.0.add(number.wrapping_neg());
        self.0.used.store(true, Ordering::Relaxed);
    }

    /// Sets this worker's share. A gauge that is set belongs to one worker.
    pub(crate) fn set(&self, number: u64) {
        self.0.value.store(number, Ordering::Relaxed);
        self.0.used.store(true, Ordering::Relaxed);
    }
}

fn entry<'map, V: Default>(map: &'map mut BTreeMap<String, V>, name: &str) -> &'map mut V {
    match map.entry(name.to_owned()) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(V::default()),
    }
}

/// Shares of gauges may be below zero each, as a stream may end on another worker: they wrap.
fn sum(cells: &Cells<Cell>) -> u64 {
    let values = cells.iter().map(|(_, cell)| cell.value());
    values.fold(0, u64::wrapping_add)
}

fn is_used(cells: &Cells<Cell>) -> bool {
    let used = |cell: &Cell| cell.used.load(Ordering::Relaxed) || cell.value() != 0;
    cells.iter().any(|(_, cell)| used(cell))
}

fn merged(cells: &Cells<Bins>) -> Distribution {
    let mut total = Distribution::default();
    cells.iter().for_each(|(_, bins)| bins.add_to(&mut total));
    total
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats")
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(stats: &Stats, name: &str) -> StatValue {
        let all = stats.snapshot();
        all.into_iter()
            .find(|stat| stat.name == name)
            .unwrap()
            .value
    }

    #[test]
    fn a_value_is_the_sum_over_the_workers() {
        let stats = Stats::new();
        let (first, second) = (stats.for_worker(), stats.for_worker());
        first.counter("a").inc();
        second.counter("a").add(2);
        assert_eq!(value(&stats, "a"), StatValue::Counter(3));
    }

    #[test]
    fn a_gauge_may_be_raised_on_one_worker_and_lowered_on_another() {
        let stats = Stats::new();
        let (first, second) = (stats.for_worker(), stats.for_worker());
        first.gauge("g").add(5);
        second.gauge("g").sub(2);
        assert_eq!(value(&stats, "g"), StatValue::Gauge(3));
    }

    #[test]
    fn a_name_asked_for_again_is_the_same_cell() {
        let stats = Stats::new();
        stats.counter("a").inc();
        stats.counter("a").inc();
        assert_eq!(stats.counter("a").value(), 2);
    }

    #[test]
    fn a_gauge_that_came_back_to_zero_counts_as_used() {
        let stats = Stats::new();
        let gauge = stats.gauge("g");
        let _unused = stats.gauge("h");
        gauge.inc();
        gauge.dec();
        let used: Vec<bool> = stats.snapshot().iter().map(|stat| stat.used).collect();
        assert_eq!(used, [true, false]);
    }

    #[test]
    fn an_interval_holds_what_came_since_the_flush_before() {
        let stats = Stats::new();
        let histogram = stats.histogram("h");
        histogram.record(1);
        stats.flush();
        histogram.record(50);
        stats.flush();
        let StatValue::Histogram { total, interval } = value(&stats, "h") else {
            panic!("not a histogram");
        };
        assert_eq!((total.count, interval.count), (2, 1));
        assert_eq!(interval.quantile(0.5), Some(50.5));
    }

    #[test]
    fn counters_are_reset_and_gauges_are_not() {
        let stats = Stats::new();
        stats.counter("c").inc();
        stats.gauge("g").inc();
        stats.reset_counters();
        assert_eq!(value(&stats, "c"), StatValue::Counter(0));
        assert_eq!(value(&stats, "g"), StatValue::Gauge(1));
    }
}
