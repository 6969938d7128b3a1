//! Route configurations and virtual hosts.

use std::collections::HashSet;

use super::{build_each, headers, route};
use crate::view::View;
use crate::{PerFilter, ProtoMessage, RouteConfiguration, VirtualHost};

/// Reads the routes of a connection manager whose filters have `filter_names`.
pub(super) fn build(view: &View<'_>, filter_names: &HashSet<&str>) -> Option<RouteConfiguration> {
    let hosts = view.children("virtual_hosts");
    refuse_duplicates(&hosts);
    let limits = route::Limits {
        filter_names,
        direct_response_body: view
            .u32_value("max_direct_response_body_size_bytes")
            .unwrap_or(route::DIRECT_RESPONSE_BODY),
    };
    Some(RouteConfiguration {
        name: view.text("name").to_owned(),
        virtual_hosts: hosts
            .iter()
            .map(|host| virtual_host(host, &limits))
            .collect(),
        request_headers: headers::mutation(view, "request"),
        response_headers: headers::mutation(view, "response"),
        per_filter: per_filter(view, filter_names),
    })
}

fn virtual_host(view: &View<'_>, limits: &route::Limits<'_>) -> VirtualHost {
    let require_tls = view.enumerator("require_tls");
    if require_tls == "EXTERNAL_ONLY" {
        view.unsupported("require_tls", "`EXTERNAL_ONLY`");
    }
    VirtualHost {
        name: view.text("name").to_owned(),
        domains: view
            .texts("domains")
            .iter()
            .map(|domain| domain.to_lowercase())
            .collect(),
        routes: build_each(&view.children("routes"), |view| route::build(view, limits)),
        request_headers: headers::mutation(view, "request"),
        response_headers: headers::mutation(view, "response"),
        per_filter: per_filter(view, limits.filter_names),
        require_tls: require_tls == "ALL",
        metadata: ProtoMessage::in_field(view, "metadata"),
    }
}

/// Domains are unique within a route configuration; names of hosts need not be.
fn refuse_duplicates(hosts: &[View<'_>]) {
    let mut domains = HashSet::new();
    for host in hosts {
        for (index, domain) in host.texts("domains").into_iter().enumerate() {
            let field = format!("domains[{index}]");
            if !domains.insert(domain.to_lowercase()) {
                let reason = match domain {
                    "*" => "only a single wildcard domain is permitted".to_owned(),
                    _ => format!(
                        "only unique values for domains are permitted: `{domain}` is a duplicate"
                    ),
                };
                host.error(&field, reason);
            }
        }
    }
}

/// Reads `typed_per_filter_config`, which here can only turn filters on and off.
pub(super) fn per_filter(view: &View<'_>, filter_names: &HashSet<&str>) -> Vec<PerFilter> {
    let entries = view.map("typed_per_filter_config");
    entries
        .into_iter()
        .filter_map(|(name, any)| filter_override(&name, &any, filter_names))
        .collect()
}

fn filter_override(name: &str, any: &View<'_>, filter_names: &HashSet<&str>) -> Option<PerFilter> {
    let Some(config) = any.unpacked() else {
        if any.text("type_url").is_empty() {
            any.error("", "needs a configuration with `@type`");
        }
        return None;
    };
    if config.type_name() != "envoy.config.route.v3.FilterConfig" {
        let reason = format!(
            "the filter {name} doesn't support virtual host or route specific configurations of \
             type {}",
            config.type_name()
        );
        match config.type_name().as_str() {
            // The filters that exist here have no configuration of their own on a route.
            "envoy.extensions.filters.http.wasm.v3.Wasm"
            | "envoy.extensions.filters.http.router.v3.Router" => config.error("", reason),
            other => config.unsupported("", &format!("{other} on a route")),
        }
        return None;
    }
    if !filter_names.contains(name) {
        config.warning("", format!("no filter of the chain is named `{name}`"));
    }
    if let Some(inner) = config.packed("config") {
        config.unsupported("config", &format!("{} on a route", inner.type_name()));
        return None;
    }
    if !config.bool("disabled") && !config.has("config") {
        config.error(
            "",
            "an empty FilterConfig: either `disabled` or `config` is needed",
        );
        return None;
    }
    Some(PerFilter {
        name: name.to_owned(),
        disabled: config.bool("disabled"),
    })
}
