//! The chain of HTTP filters.

use super::{discovery, plugin};
use crate::view::View;
use crate::{HttpFilter, HttpFilterKind};

const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// Reads `http_filters`, whose last must be the router.
pub(super) fn build_chain(view: &View<'_>) -> Option<Vec<HttpFilter>> {
    let views = view.children("http_filters");
    let last = views.len().saturating_sub(1);
    let mut filters = Vec::with_capacity(views.len());
    for (index, filter) in views.iter().enumerate() {
        let Some(filter_kind) = kind(filter) else {
            filter.report().left_out(filter.path());
            continue;
        };
        let terminal = matches!(filter_kind, HttpFilterKind::Router { .. });
        refuse_place(filter, terminal, index == last);
        filters.push(HttpFilter {
            name: filter.text("name").to_owned(),
            disabled: filter.bool("disabled"),
            kind: filter_kind,
        });
    }
    if views.is_empty() {
        view.unsupported("http_filters", "a chain of HTTP filters without a router");
    }
    Some(filters)
}

fn refuse_place(filter: &View<'_>, terminal: bool, last: bool) {
    let name = filter.text("name");
    if terminal && !last {
        let reason =
            format!("terminal filter `{name}` must be the last filter in a http filter chain");
        filter.error("", reason);
    } else if last && !terminal {
        let reason =
            format!("non-terminal filter `{name}` is the last filter in a http filter chain");
        filter.error("", reason);
    }
    if terminal && filter.bool("disabled") {
        let reason = format!("terminal filter `{name}` cannot be disabled by default");
        filter.error("disabled", reason);
    }
}

fn kind(filter: &View<'_>) -> Option<HttpFilterKind> {
    if filter.has("config_discovery") {
        return discovery::build(filter, &kind_of);
    }
    let config = filter.extension("an HTTP filter")?;
    kind_of(filter, &config)
}

/// Reads the configuration of an extension.
fn kind_of(extension: &View<'_>, config: &View<'_>) -> Option<HttpFilterKind> {
    match config.type_name().as_str() {
        ROUTER => Some(HttpFilterKind::Router {
            suppress_envoy_headers: config.bool("suppress_envoy_headers"),
        }),
        WASM => match config.child("config") {
            Some(plugin) => plugin::build(&plugin).map(HttpFilterKind::Wasm),
            None => {
                config.error("", "a wasm filter needs a `config`");
                None
            }
        },
        other => {
            extension.unsupported("typed_config", &format!("the HTTP filter {other}"));
            None
        }
    }
}
