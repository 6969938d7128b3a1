//! The pairs of proxies that the scenarios share, one for each configuration.

use tollgate_integration_tests::SharedPair;
use tollgate_integration_tests::origin::Received;

/// `conformance/streams.yaml`: listeners of the guest that a request's path chooses.
pub(crate) static STREAMS: SharedPair = SharedPair::new("conformance/streams.yaml");
/// `conformance/plugins.yaml`: plugins that differ in configuration and in what they share.
pub(crate) static PLUGINS: SharedPair = SharedPair::new("conformance/plugins.yaml");
/// `conformance/http.yaml`: the proxy without plugins.
pub(crate) static HTTP: SharedPair = SharedPair::new("conformance/http.yaml");

/// Listener `main` of `streams.yaml`.
pub(crate) const MAIN: u16 = 10_000;
/// Listener `stop-iteration` of `streams.yaml`.
pub(crate) const STOP_ITERATION: u16 = 10_001;
/// Listener `chain` of `streams.yaml`: two filters.
pub(crate) const CHAIN: u16 = 10_002;
/// Listener `life-cycle` of `streams.yaml`.
pub(crate) const LIFE_CYCLE: u16 = 10_003;
/// Listener `small-buffers` of `streams.yaml`: 4,096 bytes.
pub(crate) const SMALL_BUFFERS: u16 = 10_004;

/// What a request looked like at the origin, without what every proxied request carries.
pub(crate) fn essence(received: &Received) -> String {
    let headers = received
        .headers
        .clone()
        .without("host")
        .without("x-request-id")
        .without("x-forwarded-proto")
        .without("x-envoy-expected-rq-timeout-ms");
    format!("{} {} {headers:?}", received.method, received.path)
}
