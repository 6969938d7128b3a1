//! Values without what chance or the clock have made of them.

/// Returns each report with the plugin and the phase it belongs to.
pub(crate) fn normalised(plugin: &str, reports: &[String]) -> Vec<String> {
    let mut phase = "";
    let mut lines = Vec::new();
    for report in reports {
        match report.strip_prefix("-- ") {
            Some(name) => phase = name,
            // Whether the body's end has come by then is chance.
            None if phase == "response body" && report.starts_with("response/backend_latency") => {}
            None => lines.push(format!("{plugin}, {phase}: {}", without_chance(report))),
        }
    }
    lines
}

fn without_chance(report: &str) -> String {
    let Some((path, value)) = report.split_once("=0 \"") else {
        return report.to_owned();
    };
    let value = match path.rsplit('/').next().unwrap_or(path) {
        "address" | "local_address" => match value.rsplit_once(':') {
            Some((host, _)) => format!("{host}:<port>"),
            None => value.to_owned(),
        },
        "port" => "<port>".to_owned(),
        "time" => "<time>".to_owned(),
        "duration" | "backend_latency" | "cx_pool_ready_duration" => "<duration>".to_owned(),
        "id" if path == "request/id" => format!("<{} characters>", value.len()),
        "id" | "connection_id" if !path.starts_with("xds") => "<id>".to_owned(),
        _ => value.to_owned(),
    };
    format!("{path}=0 \"{value}")
}
