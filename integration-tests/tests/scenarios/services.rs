//! Plugins that are no filters: bootstrap services and access loggers.

use std::time::{Duration, Instant};

use tollgate_integration_tests::{Proxy, SharedPair};

static SERVICES: SharedPair = SharedPair::new("conformance/services.yaml");

const LOGGED: u16 = 10_000;

/// A tick follows the start at once.
const LIMIT: Duration = Duration::from_secs(10);

/// In how many VMs each service has ticked, when there are as many as expected or time is up.
fn ticks(proxy: &Proxy, expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let start = Instant::now();
    loop {
        let counts: Vec<_> = proxy.custom_metrics("service.").into_iter().collect();
        let is_expected = counts
            .iter()
            .map(|(name, count)| (name.as_str(), count.as_str()))
            .eq(expected.iter().copied());
        if is_expected || start.elapsed() > LIMIT {
            return counts;
        }
    }
}

#[test]
fn a_singleton_runs_once_and_another_service_on_every_worker_besides() {
    let expected = [("service.everywhere", "2"), ("service.once", "1")];
    let counts = SERVICES.compare(|proxy| ticks(proxy, &expected));
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| (name.as_str(), count.as_str()))
        .collect();
    assert_eq!(counts, expected);
}

#[test]
fn an_access_logger_reads_a_stream_that_has_ended() {
    let log = SERVICES.compare(|proxy| {
        assert_eq!(proxy.get(LOGGED, "/a?b").send().status, 200);
        proxy.guest_log("access-logger", "logged")
    });
    assert_eq!(
        log,
        [
            "info :path: Ok(Some(\"/a?b\"))",
            "info x-none: Ok(None)",
            "info :status: Ok(Some(\"200\"))",
            "info x-sum: Ok(None)",
            "info request.method: Ok(Some(\"GET\"))",
            "info response.code: Ok(Some(\"\\\\xc8\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\\\\x00\"))",
            "info response.code_details: Ok(Some(\"via_upstream\"))",
            "info xds.route_name: Ok(Some(\"to-origin\"))",
            "info plugin_root_id: Ok(Some(\"access-logger\"))",
            "info logged",
        ]
    );
}

#[test]
fn an_access_logger_is_told_of_answers_that_the_proxy_makes() {
    let log = SERVICES.compare(|proxy| {
        assert_eq!(proxy.get(LOGGED, "/made-here").send().status, 404);
        proxy.guest_log("access-logger", "logged")
    });
    assert!(
        log.iter()
            .any(|line| line == "info response.code_details: Ok(Some(\"direct_response\"))"),
        "{log:#?}"
    );
}
