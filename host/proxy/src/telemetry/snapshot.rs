//! Snapshots: all statistics at one moment, for whoever shows them.

/// One statistic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatSnapshot {
    /// Its name with dots.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: StatValue,
    /// Whether it was ever written.
    pub(crate) used: bool,
}

/// The value of a statistic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StatValue {
    /// A word about the state.
    Text(String),
    /// A number that grows.
    Counter(u64),
    /// A number that goes up and down.
    Gauge(u64),
    /// A distribution.
    Histogram {
        /// Since the start.
        total: Distribution,
        /// In the last interval.
        interval: Distribution,
    },
}

/// Statistics that are kept elsewhere.
pub(crate) trait StatSource: Send + Sync {
    /// Appends the statistics.
    fn collect(&self, out: &mut Vec<StatSnapshot>);
}

/// A distribution: how many values fell into which bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    bins: Vec<Bin>,
    /// Values.
    pub(crate) count: u64,
    /// Their sum.
    pub(crate) sum: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bin {
    lower: f64,
    width: f64,
    count: u64,
}

impl StatSnapshot {
    /// Envoy shows texts first, then counters and gauges together, then histograms, each by name.
    pub(super) fn order(&self) -> (u8, &str) {
        let kind = match self.value {
            StatValue::Text(_) => 0,
            StatValue::Counter(_) | StatValue::Gauge(_) => 1,
            StatValue::Histogram { .. } => 2,
        };
        (kind, &self.name)
    }
}

impl Distribution {
    /// Adds values to the bin that begins at `lower`.
    pub(crate) fn add(&mut self, lower: f64, width: f64, count: u64) {
        if count == 0 {
            return;
        }
        self.count += count;
        let same = |bin: &&mut Bin| (bin.lower - lower).abs() <= width / 2.0;
        match self.bins.iter_mut().find(same) {
            Some(bin) => bin.count += count,
            None => {
                let after = self.bins.iter().position(|bin| bin.lower > lower);
                let bin = Bin {
                    lower,
                    width,
                    count,
                };
                self.bins.insert(after.unwrap_or(self.bins.len()), bin);
            }
        }
    }

    /// Returns what is here and was not in an earlier state of the same distribution.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut rest = Self {
            sum: self.sum.wrapping_sub(earlier.sum),
            ..Self::default()
        };
        for bin in &self.bins {
            let before = earlier
                .bins
                .iter()
                .find(|other| (other.lower - bin.lower).abs() <= bin.width / 2.0);
            let before = before.map_or(0, |bin| bin.count);
            rest.add(bin.lower, bin.width, bin.count.saturating_sub(before));
        }
        rest
    }

    /// Returns the value below which that share of the values lies, as if the values of a bin
    /// were spread evenly over it; `None` without values.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        // Counts stay far below 2^53.
        #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
        let as_float = |count: u64| count as f64;
        let wanted = (share * as_float(self.count)).ceil().max(1.0);
        let mut before = 0.0;
        for bin in &self.bins {
            let count = as_float(bin.count);
            if before + count >= wanted {
                return Some(bin.lower + bin.width * (wanted - before) / (count + 1.0));
            }
            before += count;
        }
        None
    }

    /// Returns how many values lie in bins that begin at `bound` or below.
    pub(crate) fn count_up_to(&self, bound: f64) -> u64 {
        // Bins' edges are sums of decimal fractions, so they may miss a whole number by a hair.
        let bound = bound * (1.0 + 1e-9);
        self.bins
            .iter()
            .filter(|bin| bin.lower <= bound)
            .map(|bin| bin.count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_lies_in_the_middle_of_its_bin() {
        let mut distribution = Distribution::default();
        distribution.add(1.0, 0.1, 1);
        assert_eq!(distribution.quantile(0.0), Some(1.05));
        assert_eq!(distribution.quantile(1.0), Some(1.05));
    }

    #[test]
    fn values_of_a_bin_are_spread_over_it() {
        let mut distribution = Distribution::default();
        distribution.add(1.0, 0.1, 12);
        let close = |share: f64, expected: f64| {
            let value = distribution.quantile(share).unwrap();
            assert!((value - expected).abs() < 1e-9, "{share}: {value}");
        };
        close(0.0, 1.007_692_307_692_307_7);
        close(0.25, 1.023_076_923_076_923);
        close(0.9, 1.084_615_384_615_384_5);
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Distribution::default().quantile(0.5), None);
    }

    #[test]
    fn a_bound_includes_the_bin_that_begins_there() {
        let mut distribution = Distribution::default();
        distribution.add(0.0, 0.0, 2);
        distribution.add(1.0, 0.1, 3);
        distribution.add(5.0, 0.1, 1);
        let counts = [0.5, 1.0, 4.9, 5.0].map(|bound| distribution.count_up_to(bound));
        assert_eq!(counts, [2, 5, 5, 6]);
    }
}
