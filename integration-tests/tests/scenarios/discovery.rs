//! A filter whose configuration is discovered in a file (ECDS) that changes while both serve.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tollgate_integration_tests::client::Request;
use tollgate_integration_tests::{Kind, Proxy, chosen_proxies, wasm_module};

use crate::support::MAIN;

/// A change is seen soon, but a module is compiled first.
const LIMIT: Duration = Duration::from_secs(60);

const CONFIGURATION: &str = r#"
node: { id: test, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
static_resources:
  listeners:
  - name: ingress
    address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                direct_response: { status: 404 }
          http_filters:
          - name: found
            config_discovery:
              type_urls: ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]
              config_source:
                resource_api_version: V3
                path_config_source: { path: FILE }
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#;

/// A proxy with the file that its filter is discovered in.
struct Run {
    folder: TempDir,
    proxy: Proxy,
}

impl Run {
    fn start(kind: Kind, resource: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("discovered.yaml");
        fs::write(&file, resource).expect("the folder takes files");
        let text = CONFIGURATION.replace("FILE", &file.display().to_string());
        let configuration = folder.path().join("envoy.yaml");
        fs::write(&configuration, text).expect("the folder takes files");
        let proxy = Proxy::start(kind, &configuration);
        Self { folder, proxy }
    }

    /// Replaces the file by a rename, the one change that Envoy sees.
    fn push(&self, resource: &str) {
        let new = self.folder.path().join("new.yaml");
        fs::write(&new, resource).expect("the folder takes files");
        fs::rename(new, self.folder.path().join("discovered.yaml")).expect("a file is renamed");
    }

    /// The configuration that the plugin tells it has.
    fn served(&self) -> String {
        let request = Request::new(self.proxy.port(MAIN), "GET", "/");
        let text = request.send().text();
        let told = text.lines().find_map(|line| line.strip_prefix("plugin "));
        told.unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !holds() {
            let (kind, lines) = (self.proxy.kind(), self.proxy.output());
            assert!(Instant::now() < deadline, "{kind:?}: no {what}: {lines:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A number among the statistics of the filter.
    fn count(&self, name: &str) -> u64 {
        let text = self.stats().remove(name).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// The statistics of the filter, by the last parts of their names.
    fn stats(&self) -> BTreeMap<String, String> {
        let stats = self.proxy.admin(&format!("/stats?filter={STATS}"));
        let stat = |line: &str| {
            let (name, value) = line.strip_prefix(STATS)?.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        };
        let mut stats: BTreeMap<_, _> = stats.lines().filter_map(stat).collect();
        // A point in time.
        stats.remove("update_time");
        stats
    }

    /// What the proxy tells about the filters that it has discovered, without the time.
    fn shown(&self) -> Vec<Value> {
        let dump = self.json("/config_dump?resource=ecds_filters");
        let mut shown = list(&dump, "configs");
        for entry in &mut shown {
            let fields = entry.as_object_mut().expect("an object");
            let since = fields.remove("last_updated");
            let since = since.as_ref().and_then(Value::as_str).unwrap_or_default();
            assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");
        }
        let sections = list(&self.json("/config_dump"), "configs");
        let ours = sections
            .iter()
            .find(|section| section.get("@type") == Some(&SECTION.into()));
        let listed = list(ours.expect("a section"), "ecds_filters");
        assert_eq!(listed.len(), shown.len());
        shown
    }

    fn json(&self, target: &str) -> Value {
        serde_json::from_str(&self.proxy.admin(target)).expect("JSON")
    }
}

/// A file that is there.
const NO_MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const STATS: &str = "extension_config_discovery.http_filter.found.";
fn list(value: &Value, field: &str) -> Vec<Value> {
    let list = value.get(field).and_then(Value::as_array);
    list.expect("a list").clone()
}

const SECTION: &str = "type.googleapis.com/envoy.admin.v3.EcdsConfigDump";

/// A `DiscoveryResponse` with the plugin `found`, which tells its configuration.
fn resource(name: &str, module: &str, configuration: &str) -> String {
    format!(
        r#"version_info: {configuration}
resources:
- "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
  name: {name}
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: found
      root_id: configuration
      configuration: {{ "@type": type.googleapis.com/google.protobuf.StringValue, value: {configuration} }}
      vm_config: {{ runtime: envoy.wasm.runtime.v8, code: {{ local: {{ filename: "{module}" }} }} }}
"#
    )
}

/// What cannot be the filter, and by what Envoy counts it.
fn bad_resources(module: &str) -> [(String, &'static str); 7] {
    let good = |name| resource(name, module, "bad");
    let router = good("found").replace("wasm.v3.Wasm\n", "router.v3.Router\n");
    let router = router
        .split_once("    config:")
        .expect("it is there")
        .0
        .to_owned();
    let second = good("found");
    let second = second.split_once("resources:\n").expect("there are some").1;
    [
        (good("other"), "update_rejected"),
        (resource("found", "/no/such.wasm", "bad"), "update_rejected"),
        (resource("found", NO_MODULE, "bad"), "update_rejected"),
        (router, "update_rejected"),
        ("}{".to_owned(), "update_failure"),
        (good("found") + second, "update_rejected"),
        ("version_info: none\n".to_owned(), "update_rejected"),
    ]
}

#[test]
fn what_is_renamed_into_place_is_served_and_what_is_wrong_is_not() {
    let module = wasm_module("guest_official").display().to_string();
    let good = |configuration: &str| resource("found", &module, configuration);
    for kind in chosen_proxies() {
        let run = Run::start(kind, &good("one"));
        assert_eq!(run.served(), "one", "{kind:?}");
        run.push(&good("two"));
        run.wait_until("second configuration", || run.served() == "two");
        for (index, (wrong, counter)) in (1..).zip(bad_resources(&module)) {
            let before = run.count(counter);
            run.push(&wrong);
            run.wait_until(&format!("refusal of {wrong}"), || {
                run.count("config_fail") == index
            });
            assert_eq!(run.count(counter), before + 1, "{kind:?} after {wrong}");
            assert_eq!(run.served(), "two", "{kind:?} after {wrong}");
        }
        run.push(&good("three"));
        run.wait_until("third configuration", || run.served() == "three");
        assert_eq!(run.count("config_fail"), 7, "{kind:?}");
    }
}

#[test]
fn the_admin_pages_tell_what_was_discovered_and_count_each_file() {
    let module = wasm_module("guest_official").display().to_string();
    let good = |configuration: &str| resource("found", &module, configuration);
    let run = |kind| {
        let run = Run::start(kind, &good("one"));
        let mut told = vec![(run.shown(), run.stats())];
        for (count, text) in (2..).zip([
            good("two"),
            // The same again, and the same under another version.
            good("two"),
            good("two").replace("version_info: two", "version_info: deux"),
            resource("other", &module, "bad"),
            "}{".to_owned(),
            good("one"),
        ]) {
            run.push(&text);
            run.wait_until(&format!("notice of {text}"), || {
                run.count("update_attempt") == count
            });
            told.push((run.shown(), run.stats()));
        }
        told
    };
    let mut told = chosen_proxies().into_iter().map(run);
    let expected = told.next().expect("a proxy takes part");
    for told in told {
        assert_eq!(told, expected);
    }
    let (shown, stats) = expected.last().expect("there are some");
    let resource = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
    for (path, expected) in [
        ("/@type", format!("{SECTION}.EcdsFilterConfig")),
        ("/version_info", "one".to_owned()),
        ("/ecds_filter/@type", resource.to_owned()),
        ("/ecds_filter/name", "found".to_owned()),
    ] {
        let value = shown.first().and_then(|entry| entry.pointer(path));
        assert_eq!(value, Some(&expected.into()), "{path}");
    }
    for (name, expected) in [
        ("update_attempt", "7"),
        ("update_success", "5"),
        ("config_reload", "3"),
        ("config_fail", "2"),
        ("version_text", "\"one\""),
    ] {
        let value = stats.get(name).map(String::as_str);
        assert_eq!(value, Some(expected), "{name}");
    }
}
