//! Access logs.

use std::path::PathBuf;

use super::data_source;
use crate::view::View;
use crate::{AccessLog, AccessLogSink};

/// Reads the access logs in a repeated field.
pub(super) fn build_all(view: &View<'_>, field: &str) -> Vec<AccessLog> {
    view.children(field).iter().filter_map(build).collect()
}

fn build(view: &View<'_>) -> Option<AccessLog> {
    let config = view.extension("an access log")?;
    let sink = match config.type_name().as_str() {
        "envoy.extensions.access_loggers.file.v3.FileAccessLog" => match config.text("path") {
            "/dev/stdout" => AccessLogSink::Stdout,
            "/dev/stderr" => AccessLogSink::Stderr,
            path => AccessLogSink::File(PathBuf::from(path)),
        },
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog" => AccessLogSink::Stdout,
        "envoy.extensions.access_loggers.stream.v3.StderrAccessLog" => AccessLogSink::Stderr,
        other => {
            view.unsupported("typed_config", &format!("the access log {other}"));
            return None;
        }
    };
    Some(AccessLog {
        sink,
        format: format(&config)?,
    })
}

/// Returns `Some(None)` for Envoy's default format.
fn format(config: &View<'_>) -> Option<Option<String>> {
    let Some(format) = config.child("log_format") else {
        let text = config.text("format");
        return Some((!text.is_empty()).then(|| text.to_owned()));
    };
    match format.oneof("format")?.as_str() {
        "text_format" => Some(Some(format.text("text_format").to_owned())),
        "text_format_source" => {
            let bytes = data_source::read(&format.child("text_format_source")?)?;
            match String::from_utf8(bytes.into()) {
                Ok(text) => Some(Some(text)),
                Err(_) => {
                    format.error("text_format_source", "a format must be UTF-8");
                    None
                }
            }
        }
        _ => None,
    }
}
