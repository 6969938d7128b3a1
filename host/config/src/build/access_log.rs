//! Access logs.

use std::path::PathBuf;

use super::{Reported, build_each, data_source, format, plugin};
use crate::view::View;
use crate::{AccessLog, AccessLogSink, TextAccessLog};

/// Reads the access logs in a repeated field.
pub(super) fn build_all(view: &View<'_>, field: &str) -> Vec<AccessLog> {
    build_each(&view.children(field), build)
}

fn build(view: &View<'_>) -> Option<AccessLog> {
    let config = view.extension("an access log")?;
    let sink = match config.type_name().as_str() {
        "envoy.extensions.access_loggers.file.v3.FileAccessLog" => match config.text("path") {
            "/dev/stdout" => AccessLogSink::Stdout,
            "/dev/stderr" => AccessLogSink::Stderr,
            path => AccessLogSink::File(file(&config, path)?),
        },
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog" => AccessLogSink::Stdout,
        "envoy.extensions.access_loggers.stream.v3.StderrAccessLog" => AccessLogSink::Stderr,
        "envoy.extensions.access_loggers.wasm.v3.WasmAccessLog" => {
            return plugin::build_child(&config).map(|plugin| AccessLog::Wasm(Box::new(plugin)));
        }
        other => {
            view.unsupported("typed_config", &format!("the access log {other}"));
            return None;
        }
    };
    Some(AccessLog::Text(TextAccessLog {
        sink,
        format: log_format(&config).ok()?,
    }))
}

/// The file need not exist, but its folder must.
fn file(config: &View<'_>, path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(path);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        let reason = if path.is_dir() {
            "it is a directory"
        } else {
            "no such folder"
        };
        config.error(
            "path",
            format!("unable to open file '{}': {reason}", path.display()),
        );
        return None;
    }
    Some(path)
}

/// Returns the format with its operators checked, or `None` for Envoy's default.
fn log_format(config: &View<'_>) -> Result<Option<String>, Reported> {
    let Some(view) = config.child("log_format") else {
        let text = config.text("format");
        format::check(config, "format", text);
        return Ok((!text.is_empty()).then(|| text.to_owned()));
    };
    if view.has("text_format") {
        let text = view.text("text_format");
        format::check(&view, "text_format", text);
        return Ok(Some(text.to_owned()));
    }
    let field = "text_format_source";
    let bytes = view
        .child(field)
        .as_ref()
        .and_then(data_source::read)
        .ok_or(Reported)?;
    match String::from_utf8(bytes.into()) {
        Ok(text) => {
            format::check(&view, field, &text);
            Ok(Some(text))
        }
        Err(_) => {
            view.error(field, "a format must be UTF-8");
            Err(Reported)
        }
    }
}
