//! Histogram: values in bins of two significant decimal digits, as Envoy's library keeps them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::snapshot::Distribution;
use super::writers::Writers;

/// Decades of `u64`: 1–9, 10–99, and so on.
const DECADES: usize = 20;
/// Bins of a decade, by the first two digits 10 to 99.
const BINS: usize = 90;

/// A distribution of numbers, usually milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram(Arc<Bins>);

/// One worker's share of a histogram. A decade takes memory once a value falls into it.
pub(super) struct Bins {
    writers: Writers,
    zeros: AtomicU64,
    sum: AtomicU64,
    decades: [OnceLock<Box<[AtomicU64; BINS]>>; DECADES],
}

impl Histogram {
    pub(super) fn new(bins: Arc<Bins>) -> Self {
        Self(bins)
    }

    /// Records a value.
    pub(crate) fn record(&self, value: u64) {
        self.0.record(value);
    }
}

impl Bins {
    pub(super) fn new(writers: Writers) -> Self {
        Self {
            writers,
            zeros: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            decades: [const { OnceLock::new() }; DECADES],
        }
    }

    fn record(&self, value: u64) {
        self.writers.add(&self.sum, value);
        let Some(decade) = value.checked_ilog10() else {
            self.writers.add(&self.zeros, 1);
            return;
        };
        let bins = self.decades.get(decade as usize);
        let bins =
            bins.map(|bins| bins.get_or_init(|| Box::new([const { AtomicU64::new(0) }; BINS])));
        let first_two = match decade {
            0 => value * 10,
            _ => value / 10_u64.pow(decade - 1),
        };
        let index = usize::try_from(first_two - 10).ok();
        if let Some(bin) = bins.zip(index).and_then(|(bins, index)| bins.get(index)) {
            self.writers.add(bin, 1);
        }
    }

    pub(super) fn add_to(&self, total: &mut Distribution) {
        total.sum = total.sum.wrapping_add(self.sum.load(Ordering::Relaxed));
        total.add(0.0, 0.0, self.zeros.load(Ordering::Relaxed));
        let mut width = 0.1;
        for decade in &self.decades {
            let bins = decade.get().into_iter().flat_map(|bins| bins.iter());
            for (first_two, bin) in (10_u8..).zip(bins) {
                let lower = f64::from(first_two) * width;
                total.add(lower, width, bin.load(Ordering::Relaxed));
            }
            width *= 10.0;
        }
    }
}

impl fmt::Debug for Bins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bins")
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}
