//! Connections: counted from their beginning until they are dropped, however that comes.

use std::time::Instant;

use smallvec::SmallVec;

use super::groups::{DownstreamStats, ListenerStats, ListenerWorkerStats};
use super::histogram::Histogram;
use super::stats::{Counter, Gauge};

/// A connection that is counted as active.
#[derive(Debug)]
pub(crate) struct CountedConnection {
    active: SmallVec<[Gauge; 3]>,
    destroyed: Counter,
    length: Histogram,
    since: Instant,
}

impl CountedConnection {
    fn new(active: &[&Gauge], destroyed: &Counter, length: &Histogram) -> Self {
        active.iter().for_each(|gauge| gauge.inc());
        Self {
            active: active.iter().copied().cloned().collect(),
            destroyed: destroyed.clone(),
            length: length.clone(),
            since: Instant::now(),
        }
    }
}

impl ListenerStats {
    /// Counts a connection of this listener on one worker.
    pub(crate) fn connection(&self, worker: &ListenerWorkerStats) -> CountedConnection {
        self.downstream_cx_total.inc();
        worker.downstream_cx_total.inc();
        CountedConnection::new(
            &[&self.downstream_cx_active, &worker.downstream_cx_active],
            &self.downstream_cx_destroy,
            &self.downstream_cx_length_ms,
        )
    }
}

impl DownstreamStats {
    /// Counts an HTTP/1 connection.
    pub(crate) fn http1_connection(&self, is_tls: bool) -> CountedConnection {
        self.downstream_cx_http1_total.inc();
        self.connection(&self.downstream_cx_http1_active, is_tls)
    }

    /// Counts an HTTP/2 connection.
    pub(crate) fn http2_connection(&self, is_tls: bool) -> CountedConnection {
        self.downstream_cx_http2_total.inc();
        self.connection(&self.downstream_cx_http2_active, is_tls)
    }

    fn connection(&self, by_version: &Gauge, is_tls: bool) -> CountedConnection {
        self.downstream_cx_total.inc();
        let mut active: SmallVec<[&Gauge; 3]> = SmallVec::new();
        active.push(&self.downstream_cx_active);
        active.push(by_version);
        if is_tls {
            self.downstream_cx_ssl_total.inc();
            active.push(&self.downstream_cx_ssl_active);
        }
        CountedConnection::new(
            &active,
            &self.downstream_cx_destroy,
            &self.downstream_cx_length_ms,
        )
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.active.iter().for_each(Gauge::dec);
        self.destroyed.inc();
        let length = self.since.elapsed().as_millis();
        self.length
            .record(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{StatValue, Stats};

    fn number(stats: &Stats, name: &str) -> u64 {
        let stat = stats.snapshot().into_iter().find(|stat| stat.name == name);
        match stat.unwrap().value {
            StatValue::Counter(number) | StatValue::Gauge(number) => number,
            StatValue::Histogram { total, .. } => total.count,
            StatValue::Text(text) => panic!("{name} is {text}"),
        }
    }

    #[test]
    fn a_connection_is_active_until_it_is_dropped() {
        let stats = Stats::new();
        let connection = DownstreamStats::new(&stats, "a.").http2_connection(true);
        for gauge in ["cx_active", "cx_http2_active", "cx_ssl_active"] {
            assert_eq!(
                number(&stats, &format!("a.downstream_{gauge}")),
                1,
                "{gauge}"
            );
        }
        assert_eq!(number(&stats, "a.downstream_cx_http1_active"), 0);
        drop(connection);
        for gauge in ["cx_active", "cx_http2_active", "cx_ssl_active"] {
            assert_eq!(
                number(&stats, &format!("a.downstream_{gauge}")),
                0,
                "{gauge}"
            );
        }
        assert_eq!(number(&stats, "a.downstream_cx_destroy"), 1);
        assert_eq!(number(&stats, "a.downstream_cx_length_ms"), 1);
    }

    #[test]
    fn a_listeners_connection_is_counted_for_its_worker_too() {
        let stats = Stats::new();
        let listener = ListenerStats::new(&stats, "l.");
        let worker = ListenerWorkerStats::new(&stats, "l.worker_0.");
        let _open = listener.connection(&worker);
        for name in ["l.downstream_cx_active", "l.worker_0.downstream_cx_active"] {
            assert_eq!(number(&stats, name), 1, "{name}");
        }
    }
}
