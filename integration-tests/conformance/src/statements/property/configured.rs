//! What the configuration says: metadata, the plugin's own names.

use super::reading;
use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "PR-19",
        text: "A path walks into metadata and the structures in it; numbers there are doubles.",
        verdict: Verdict::Same(
            r#"of/text=0 "inner", of/number=0 "\x00\x00\x00\x00\x00\x00\x1c@", of/flag=0 "\x01", of/nothing=3, of/map/deep=0 "down", of/map=0 "\x01\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00deep\x00down\x00", of/none=1, none=1"#,
        ),
        note: Some("Shown with the metadata of a route; that of streams is walked alike."),
        run: |host| {
            let names = [
                "text", "number", "flag", "nothing", "map/deep", "map", "none",
            ];
            let mut paths: Vec<_> = names.iter().map(|name| format!("of/{name}")).collect();
            paths.push("none".to_owned());
            of_route(host, &paths)
        },
    },
    Statement {
        id: "PR-20",
        text: "An element of a list is found by its index; beyond the end there is nothing.",
        verdict: Verdict::Same(
            r#"of/list/0=0 "first", of/list/1/deep=0 "down", of/list/2=1, of/list/x=1, of/list/-1=1"#,
        ),
        note: None,
        run: |host| {
            let paths = ["0", "1/deep", "2", "x", "-1"].map(|name| format!("of/list/{name}"));
            of_route(host, &paths)
        },
    },
    Statement {
        id: "PR-21",
        text: "The plugin's name, root id and VM id are what the configuration says.",
        verdict: Verdict::Same(
            r#"plugin_name=0 "a name", plugin_root_id=0 "a root", plugin_vm_id=0 "a vm", plugin_name/none=1"#,
        ),
        note: None,
        run: of_plugin,
    },
];

/// What a guest reads in the metadata of its route.
fn of_route(host: &Host, paths: &[String]) -> String {
    let whole: Vec<_> = paths
        .iter()
        .map(|path| format!("xds/route_metadata/filter_metadata/{path}"))
        .collect();
    let whole: Vec<_> = whole.iter().map(String::as_str).collect();
    let module = guest(&on_request_headers(&reading(&whole), 0));
    let proxy = host.serve(&Setup::yaml(ROUTE_WITH_METADATA, [Plugin::wat(module)]));
    assert_eq!(proxy.get("/").send().status, 200);
    let prefix = "xds/route_metadata/filter_metadata/";
    let reports = proxy.reports();
    let reports: Vec<_> = reports
        .iter()
        .map(|report| report.trim_start_matches(prefix))
        .collect();
    reports.join(", ")
}

fn of_plugin(host: &Host) -> String {
    let paths = [
        "plugin_name",
        "plugin_root_id",
        "plugin_vm_id",
        "plugin_name/none",
    ];
    let module = guest(&on_request_headers(&reading(&paths), 0));
    let plugin = Plugin::wat(module);
    let plugin = plugin.name("a name").root_id("a root").vm_id("a vm");
    let proxy = host.serve(&Setup::http(plugin));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}

const ROUTE_WITH_METADATA: &str = r#"admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          http_filters:
          - name: wasm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config: $plugin_0
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                route: { cluster: origin }
                metadata:
                  filter_metadata:
                    of:
                      text: inner
                      number: 7
                      flag: true
                      nothing: ~
                      map: { deep: down }
                      list: [first, { deep: down }]
  clusters:
$clusters
"#;
