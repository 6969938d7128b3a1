//! Custom metrics, and how the admin interface shows them.

use crate::support::{MAIN, STREAMS};

#[test]
fn a_counter_only_counts_up_and_is_shared_by_name() {
    let (log, metrics) = STREAMS.compare(|proxy| {
        let name = "scenario_requests.total";
        let response = proxy
            .get(MAIN, "/metrics/counter")
            .header("x-metric", name)
            .send();
        assert_eq!(response.status, 200);
        (
            proxy.guest_log("main", "counted"),
            proxy.custom_metrics("scenario_requests"),
        )
    });
    assert_eq!(
        log,
        [
            "info after 2 and 3: 5",
            "info after a record of 10: 15",
            "info down: Err(BadArgument)",
            "info ids differ true, values 15",
            "info unknown id: Err(NotFound)",
            "info counted: Ok(())",
        ]
    );
    assert_eq!(
        metrics.get("scenario_requests.total").map(String::as_str),
        Some("15")
    );
}

#[test]
fn a_gauge_goes_up_and_down() {
    let (log, metrics) = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/metrics/gauge")
            .header("x-metric", "scenario_level");
        assert_eq!(request.send().status, 200);
        (
            proxy.guest_log("main", "measured"),
            proxy.custom_metrics("scenario_level"),
        )
    });
    assert_eq!(
        log,
        ["info after 40, up 5, down 3: 42", "info measured: Ok(())"]
    );
    assert_eq!(
        metrics.get("scenario_level").map(String::as_str),
        Some("42")
    );
}

#[test]
fn a_histogram_records_but_does_not_count() {
    let log = STREAMS.compare(|proxy| {
        let request = proxy
            .get(MAIN, "/metrics/histogram")
            .header("x-metric", "scenario_times");
        assert_eq!(request.send().status, 200);
        proxy.guest_log("main", "recorded")
    });
    assert_eq!(log, ["info up: Err(BadArgument)", "info recorded: Ok(())"]);
}

#[test]
fn prometheus_names_have_no_prefix_and_no_dots() {
    let line = STREAMS.compare(|proxy| {
        let name = "scenario_shown.total";
        let response = proxy
            .get(MAIN, "/metrics/counter")
            .header("x-metric", name)
            .send();
        assert_eq!(response.status, 200);
        let text = proxy.admin("/stats/prometheus");
        text.lines()
            .filter(|line| line.contains("scenario_shown"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    assert_eq!(
        line,
        [
            "# TYPE scenario_shown_total counter",
            "scenario_shown_total{} 15"
        ]
    );
}

/// Whether Envoy has nothing to count there: isolation, breakers, faults, kept state.
fn is_tollgates_own(name: &str) -> bool {
    [
        ".breaker_",
        ".faults.",
        ".vms_alive",
        ".instances_",
        ".snapshots",
        ".delta_pages",
        ".kept_state",
        ".log_lines_dropped",
    ]
    .iter()
    .any(|own| name.contains(own))
}

/// The names of statistics about plugins, with one name for all engines. Those that plugins define
/// are left out.
#[test]
fn statistics_of_plugins_have_envoys_names() {
    let names = STREAMS.compare(|proxy| {
        let text = proxy.admin("/stats");
        let names = text.lines().filter_map(|line| line.split_once(": "));
        names
            .map(|(name, _)| name.replace("runtime.v8.", "runtime.wasmtime."))
            .filter(|name| name.starts_with("wasm.") && !name.contains(".vm_reload"))
            .filter(|name| !is_tollgates_own(name))
            .collect::<Vec<_>>()
    });
    assert!(
        names.contains(&"wasm.envoy.wasm.runtime.wasmtime.active".to_owned()),
        "{names:?}"
    );
    assert_eq!(names.len(), 9, "{names:?}");
}

/// Envoy shows them for plugins of every failure policy.
#[test]
fn each_plugin_has_statistics_of_its_reloads() {
    let reloads = STREAMS.compare(|proxy| {
        let text = proxy.admin("/stats");
        let lines = text.lines().filter(|line| line.contains(".vm_reload"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    for what in ["", "_backoff", "_failure", "_success"] {
        let line = format!("wasm.main.vm_reload{what}: 0");
        assert!(reloads.contains(&line), "{line} is missing in {reloads:?}");
    }
}
