//! Wasm plugins and the VMs they run in.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::{configuration, data_source};
use crate::view::View;
use crate::{DataSource, FailurePolicy, PluginConfig, ReloadConfig, VmConfig};

const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the plugin in the field `config` of an extension.
pub(super) fn build_child(extension: &View<'_>) -> Option<PluginConfig> {
    let config = extension.child("config");
    if config.is_none() {
        extension.error("", "a plugin needs a `config`");
    }
    build(&config?)
}

pub(super) fn build(view: &View<'_>) -> Option<PluginConfig> {
    let policy = failure_policy(view);
    let configuration = configuration::bytes(view, "configuration");
    let Some(vm) = view.child("vm_config") else {
        view.error("", "a plugin needs a `vm_config` with its code");
        return None;
    };
    let vm_config = vm_config(&vm, view.text("name"));
    let backoff = view
        .child("reload_config")
        .and_then(|reload| reload.child("backoff"));
    let allow_stop = view.bool_value("allow_on_headers_stop_iteration");
    Some(PluginConfig {
        name: view.text("name").to_owned(),
        root_id: view.text("root_id").to_owned(),
        vm_config: vm_config?,
        configuration: configuration?,
        failure_policy: policy?,
        reload_config: ReloadConfig {
            base_interval: backoff
                .and_then(|backoff| backoff.duration("base_interval"))
                .unwrap_or(RELOAD_INTERVAL),
        },
        allow_on_headers_stop_iteration: allow_stop.unwrap_or(false),
        allowed_capabilities: allowed_capabilities(view).or_else(|| allowed_capabilities(&vm)),
    })
}

fn failure_policy(view: &View<'_>) -> Option<FailurePolicy> {
    let policy = view.enumerator("failure_policy");
    if view.bool("fail_open") && policy != "UNSPECIFIED" {
        view.error(
            "fail_open",
            "only one of fail_open or failure_policy can be set",
        );
        return None;
    }
    match policy.as_str() {
        "UNSPECIFIED" if view.bool("fail_open") => Some(FailurePolicy::LegacyFailOpen),
        "UNSPECIFIED" | "FAIL_CLOSED" => Some(FailurePolicy::FailClosed),
        "FAIL_OPEN" => Some(FailurePolicy::FailOpen),
        "FAIL_RELOAD" => Some(FailurePolicy::FailReload),
        other => {
            view.error("failure_policy", format!("unknown failure policy {other}"));
            None
        }
    }
}

/// Returns the names of what is allowed; Envoy reads an empty map as no restriction.
fn allowed_capabilities(view: &View<'_>) -> Option<BTreeSet<String>> {
    let restriction = view.child("capability_restriction_config")?;
    let names: BTreeSet<_> = restriction
        .map("allowed_capabilities")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    (!names.is_empty()).then_some(names)
}

fn vm_config(view: &View<'_>, plugin: &str) -> Option<VmConfig> {
    match view.text("runtime").strip_prefix("envoy.wasm.runtime.") {
        // Tollgate has one engine; a module does not see which one runs it.
        Some("v8" | "wasmtime" | "wamr" | "wavm") => {}
        Some("null") => view.unsupported("runtime", "plugins that are compiled into Envoy"),
        None if view.text("runtime").is_empty() => {}
        _ => view.error(
            "runtime",
            format!("unknown runtime `{}`", view.text("runtime")),
        ),
    }
    let code = code(view);
    let configuration = configuration::bytes(view, "configuration");
    let environment = environment(view, plugin);
    Some(VmConfig {
        vm_id: view.text("vm_id").to_owned(),
        code: code?,
        configuration: configuration?,
        environment: environment?,
    })
}

fn code(view: &View<'_>) -> Option<DataSource> {
    let Some(code) = view
        .child("code")
        .filter(|code| code.oneof("specifier").is_some())
    else {
        view.error("code", "a plugin needs code");
        return None;
    };
    // Remote code has been reported as not implemented.
    data_source::build(&code.child("local")?)
}

fn environment(view: &View<'_>, plugin: &str) -> Option<Vec<(String, String)>> {
    let Some(variables) = view.child("environment_variables") else {
        return Some(Vec::new());
    };
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    let mut unique = true;
    let host_keys = variables.texts("host_env_keys").into_iter().enumerate();
    let host =
        host_keys.map(|(index, key)| (format!("host_env_keys[{index}]"), key.to_owned(), None));
    let given = variables.text_map("key_values").into_iter();
    let given = given.map(|(key, value)| {
        (
            format!("key_values[\"{key}\"]"),
            key,
            Some(value.to_owned()),
        )
    });
    for (field, key, value) in host.chain(given) {
        if !seen.insert(key.clone()) {
            let reason = format!(
                "Key {key} is duplicated in \
                 envoy.extensions.wasm.v3.VmConfig.environment_variables for {plugin}. All the keys \
                 must be unique."
            );
            variables.error(&field, reason);
            unique = false;
        }
        // A host variable that is not set is left out, as in Envoy.
        let value = value.or_else(|| std::env::var(&key).ok());
        pairs.extend(value.map(|value| (key, value)));
    }
    unique.then_some(pairs)
}
