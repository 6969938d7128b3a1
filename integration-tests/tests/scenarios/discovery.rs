//! A filter whose configuration is discovered in a file (ECDS) that changes while both serve.

use std::fs;
use std::time::{Duration, Instant};

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

    /// How many updates were not taken up.
    fn refused(&self) -> u64 {
        let names: &[&str] = match self.proxy.kind() {
            Kind::Envoy => &["update_rejected: ", "update_failure: "],
            Kind::Tollgate => &["tollgate.reload.failure: "],
        };
        let stats = self.proxy.admin("/stats");
        let value = |line: &str| {
            let value = |name: &&str| line.split_once(name)?.1.parse::<u64>().ok();
            names.iter().find_map(value)
        };
        stats.lines().filter_map(value).sum()
    }
}

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

#[test]
fn what_is_renamed_into_place_is_served_and_what_is_wrong_is_not() {
    let module = wasm_module("guest_official").display().to_string();
    let good = |configuration: &str| resource("found", &module, configuration);
    let bad = [
        resource("other", &module, "other-name"),
        resource("found", "/no/such.wasm", "no-module"),
        good("other-type").replace("wasm.v3.Wasm\n", "router.v3.Router\n"),
        "}{".to_owned(),
    ];
    for kind in chosen_proxies() {
        let run = Run::start(kind, &good("one"));
        assert_eq!(run.served(), "one", "{kind:?}");
        run.push(&good("two"));
        run.wait_until("second configuration", || run.served() == "two");
        for (index, wrong) in (1..).zip(&bad) {
            run.push(wrong);
            run.wait_until(&format!("refusal of {wrong}"), || run.refused() == index);
            assert_eq!(run.served(), "two", "{kind:?} after {wrong}");
        }
        run.push(&good("three"));
        run.wait_until("third configuration", || run.served() == "three");
        assert_eq!(run.refused(), bad.len() as u64, "{kind:?}");
    }
}
