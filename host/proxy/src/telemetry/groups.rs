//! Groups of statistics that belong together, under Envoy's names.
//!
//! A group registers its names when it is made, so that they are shown from the start, as zero.

use std::cell::RefCell;
use std::net::SocketAddr;

use super::histogram::Histogram;
use super::stats::{Counter, Gauge, Stats};

/// Declares a struct of handles whose fields are the last parts of their names.
macro_rules! group {
    ($(#[$doc:meta])* $group:ident {
        counters: $($counter:ident)*;
        gauges: $($gauge:ident)*;
        histograms: $($histogram:ident)*;
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $group {
            $(pub(crate) $counter: Counter,)*
            $(pub(crate) $gauge: Gauge,)*
            $(pub(crate) $histogram: Histogram,)*
        }

        impl $group {
            /// Returns the handles of the group under a prefix that ends in a dot.
            #[must_use]
            pub(crate) fn new(stats: &Stats, prefix: &str) -> Self {
                Self {
                    $($counter: stats.counter(&format!("{prefix}{}", stringify!($counter))),)*
                    $($gauge: stats.gauge(&format!("{prefix}{}", stringify!($gauge))),)*
                    $($histogram: stats.histogram(&format!("{prefix}{}", stringify!($histogram))),)*
                }
            }
        }
    };
}

group! {
    /// `http.<stat_prefix>.`: connections and requests of a connection manager.
    DownstreamStats {
        counters:
            downstream_cx_destroy downstream_cx_http1_total downstream_cx_http2_total
            downstream_cx_idle_timeout downstream_cx_protocol_error downstream_cx_ssl_total
            downstream_cx_total downstream_cx_upgrades_total downstream_rq_1xx downstream_rq_2xx
            downstream_rq_3xx downstream_rq_4xx downstream_rq_5xx downstream_rq_completed
            downstream_rq_failed_path_normalization downstream_rq_header_timeout
            downstream_rq_http1_total downstream_rq_http2_total downstream_rq_idle_timeout downstream_rq_rx_reset
            downstream_rq_timeout downstream_rq_too_large downstream_rq_total
            downstream_rq_ws_on_non_ws_route rs_too_large;
        gauges:
            downstream_cx_active downstream_cx_http1_active downstream_cx_http2_active
            downstream_cx_ssl_active downstream_rq_active;
        histograms: downstream_cx_length_ms downstream_rq_time;
    }
}

group! {
    /// `http.<stat_prefix>.`: what the router of a connection manager does.
    RouterStats {
        counters: no_cluster no_route rq_direct_response rq_total;
        gauges: ;
        histograms: ;
    }
}

group! {
    /// `listener.<address>.http.<stat_prefix>.`: responses of a connection manager by listener.
    ListenerHttpStats {
        counters:
            downstream_rq_1xx downstream_rq_2xx downstream_rq_3xx downstream_rq_4xx
            downstream_rq_5xx downstream_rq_completed;
        gauges: ;
        histograms: ;
    }
}

group! {
    /// `listener.<address>.`: connections of a listener.
    ListenerStats {
        counters:
            downstream_cx_destroy downstream_cx_total downstream_pre_cx_timeout
            no_filter_chain_match;
        gauges: downstream_cx_active;
        histograms: downstream_cx_length_ms;
    }
}

group! {
    /// `listener.<address>.ssl.`: TLS handshakes of a listener.
    ListenerTlsStats {
        counters: connection_error handshake;
        gauges: ;
        histograms: ;
    }
}

group! {
    /// `listener.<address>.worker_<n>.`: connections of a listener on one worker.
    ListenerWorkerStats {
        counters: downstream_cx_total;
        gauges: downstream_cx_active;
        histograms: ;
    }
}

group! {
    /// `listener_manager.`: the listeners of the process.
    ListenerManagerStats {
        counters: listener_added listener_create_success;
        gauges: total_listeners_active workers_started;
        histograms: ;
    }
}

group! {
    /// `extension_config_discovery.http_filter.<name>.`: a filter that is discovered.
    DiscoveryStats {
        counters:
            config_fail config_reload update_attempt update_failure update_rejected
            update_success;
        gauges: update_time version;
        histograms: ;
    }
}

group! {
    /// `cluster_manager.`: the clusters of the process.
    ClusterManagerStats {
        counters: cluster_added;
        gauges: active_clusters;
        histograms: ;
    }
}

group! {
    /// `cluster.<name>.`: the endpoints of a cluster.
    MembershipStats {
        counters: ;
        gauges: membership_healthy membership_total;
        histograms: ;
    }
}

group! {
    /// `cluster.<name>.`: connections and requests to the endpoints of a cluster.
    UpstreamStats {
        counters:
            upstream_cx_connect_attempts_exceeded upstream_cx_connect_fail
            upstream_cx_connect_timeout upstream_cx_destroy upstream_cx_http1_total
            upstream_cx_http2_total upstream_cx_none_healthy upstream_cx_overflow upstream_cx_total
            upstream_rq_pending_overflow upstream_rq_pending_total upstream_rq_timeout
            upstream_rq_total;
        gauges: upstream_cx_active upstream_rq_active;
        histograms: ;
    }
}

group! {
    /// `tcp.<stat_prefix>.`: connections of a TCP proxy.
    TcpStats {
        counters:
            downstream_cx_no_route downstream_cx_rx_bytes_total downstream_cx_total
            downstream_cx_tx_bytes_total idle_timeout max_downstream_connection_duration;
        gauges: ;
        histograms: ;
    }
}

group! {
    /// `server.`: the process.
    ServerStats {
        counters: ;
        gauges: concurrency live memory_physical_size state total_connections uptime;
        histograms: initialization_time_ms;
    }
}

/// The statistics of a connection manager on one listener.
#[derive(Clone, Debug)]
pub(crate) struct HttpStats {
    /// Connections and requests.
    pub(crate) downstream: DownstreamStats,
    /// The router's.
    pub(crate) router: RouterStats,
    /// Responses by listener.
    pub(crate) listener: ListenerHttpStats,
}

impl HttpStats {
    /// Returns the statistics of a connection manager. `listener` is the listener's prefix.
    #[must_use]
    pub(crate) fn new(stats: &Stats, listener: &str, stat_prefix: &str) -> Self {
        let own = format!("http.{stat_prefix}.");
        Self {
            downstream: DownstreamStats::new(stats, &own),
            router: RouterStats::new(stats, &own),
            listener: ListenerHttpStats::new(stats, &format!("{listener}http.{stat_prefix}.")),
        }
    }

    /// Counts why a stream ended as it did, from its response code details. It is the one place
    /// that all local replies pass, whoever gave them.
    pub(crate) fn count_details(&self, details: &str) {
        let downstream = &self.downstream;
        match details {
            "stream_idle_timeout" => downstream.downstream_rq_idle_timeout.inc(),
            "request_header_timeout" => downstream.downstream_rq_header_timeout.inc(),
            "request_overall_timeout" => downstream.downstream_rq_timeout.inc(),
            "request_payload_too_large" => downstream.downstream_rq_too_large.inc(),
            "response_payload_too_large" => downstream.rs_too_large.inc(),
            "path_normalization_failed" => {
                downstream.downstream_rq_failed_path_normalization.inc();
            }
            "upgrade_failed" => downstream.downstream_rq_ws_on_non_ws_route.inc(),
            _ => {}
        }
    }

    /// Counts a response that was sent to the client.
    pub(crate) fn count_response(&self, status: u16) {
        let (downstream, listener) = (&self.downstream, &self.listener);
        downstream.downstream_rq_completed.inc();
        listener.downstream_rq_completed.inc();
        let class = match status / 100 {
            1 => (&downstream.downstream_rq_1xx, &listener.downstream_rq_1xx),
            2 => (&downstream.downstream_rq_2xx, &listener.downstream_rq_2xx),
            3 => (&downstream.downstream_rq_3xx, &listener.downstream_rq_3xx),
            4 => (&downstream.downstream_rq_4xx, &listener.downstream_rq_4xx),
            5 => (&downstream.downstream_rq_5xx, &listener.downstream_rq_5xx),
            _ => return,
        };
        class.0.inc();
        class.1.inc();
    }
}

/// Returns the prefix of a listener's statistics, from the address in the configuration.
#[must_use]
pub(crate) fn listener_prefix(address: SocketAddr) -> String {
    format!("listener.{}.", address.to_string().replace(':', "_"))
}

/// Responses of a cluster by status, each counted for all requests and once more for those from
/// outside (`external`) or inside. A status gets its counters when it first occurs, as in Envoy.
pub(crate) struct ResponseCodeStats {
    stats: Stats,
    prefix: String,
    rq_time: RefCell<Option<[Histogram; 2]>>,
    /// A list, as there are few.
    by_status: RefCell<Vec<(u16, [Counter; 6])>>,
}

impl ResponseCodeStats {
    /// Returns the counters under a cluster's prefix, which ends in a dot.
    #[must_use]
    pub(crate) fn new(stats: &Stats, prefix: &str) -> Self {
        Self {
            stats: stats.clone(),
            prefix: prefix.to_owned(),
            rq_time: RefCell::new(None),
            by_status: RefCell::default(),
        }
    }

    /// Counts a response, the upstream's or one made for its failure.
    pub(crate) fn count(&self, status: u16) {
        let mut by_status = self.by_status.borrow_mut();
        let known = by_status.iter().find(|(known, _)| *known == status);
        if let Some((_, counters)) = known {
            counters.iter().for_each(Counter::inc);
            return;
        }
        let counters = self.counters(status);
        counters.iter().for_each(Counter::inc);
        by_status.push((status, counters));
    }

    fn counters(&self, status: u16) -> [Counter; 6] {
        let class = status / 100;
        let name = |scope: &str, last: String| {
            self.stats
                .counter(&format!("{}{scope}upstream_rq_{last}", self.prefix))
        };
        [
            name("", status.to_string()),
            name("", format!("{class}xx")),
            name("", "completed".to_owned()),
            name("external.", status.to_string()),
            name("external.", format!("{class}xx")),
            name("external.", "completed".to_owned()),
        ]
    }

    /// Records how long the upstream took to answer, in milliseconds.
    pub(crate) fn record_time(&self, milliseconds: u64) {
        let mut rq_time = self.rq_time.borrow_mut();
        let histograms = rq_time.get_or_insert_with(|| {
            ["", "external."].map(|scope| {
                self.stats
                    .histogram(&format!("{}{scope}upstream_rq_time", self.prefix))
            })
        });
        histograms
            .iter()
            .for_each(|histogram| histogram.record(milliseconds));
    }
}

impl std::fmt::Debug for ResponseCodeStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseCodeStats")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stats: &Stats) -> Vec<String> {
        let used = stats.snapshot().into_iter().filter(|stat| stat.used);
        used.map(|stat| stat.name).collect()
    }

    #[test]
    fn a_response_is_counted_for_manager_and_listener() {
        let stats = Stats::new();
        let listener = listener_prefix("127.0.0.1:0".parse().unwrap());
        HttpStats::new(&stats, &listener, "ingress").count_response(404);
        assert_eq!(
            names(&stats),
            [
                "http.ingress.downstream_rq_4xx",
                "http.ingress.downstream_rq_completed",
                "listener.127.0.0.1_0.http.ingress.downstream_rq_4xx",
                "listener.127.0.0.1_0.http.ingress.downstream_rq_completed",
            ]
        );
    }

    #[test]
    fn details_tell_what_else_to_count() {
        let stats = Stats::new();
        let http = HttpStats::new(&stats, "listener.a_1.", "in");
        [
            "via_upstream",
            "stream_idle_timeout",
            "request_payload_too_large",
        ]
        .iter()
        .for_each(|details| http.count_details(details));
        assert_eq!(
            names(&stats),
            [
                "http.in.downstream_rq_idle_timeout",
                "http.in.downstream_rq_too_large"
            ]
        );
    }

    #[test]
    fn an_upstream_status_is_counted_for_all_and_for_external_requests() {
        let stats = Stats::new();
        ResponseCodeStats::new(&stats, "cluster.a.").count(503);
        assert_eq!(
            names(&stats),
            [
                "cluster.a.external.upstream_rq_503",
                "cluster.a.external.upstream_rq_5xx",
                "cluster.a.external.upstream_rq_completed",
                "cluster.a.upstream_rq_503",
                "cluster.a.upstream_rq_5xx",
                "cluster.a.upstream_rq_completed",
            ]
        );
    }

    #[test]
    fn the_address_of_a_listener_has_no_colon() {
        assert_eq!(
            listener_prefix("[::1]:80".parse().unwrap()),
            "listener.[__1]_80."
        );
    }
}
