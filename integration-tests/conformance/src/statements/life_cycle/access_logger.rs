//! Plugins that log the streams of others.

use crate::guest::{guest, on_context_create, on_log};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};

pub(super) const STATEMENTS: &[Statement] = &[Statement {
    id: "LC-20",
    text: "An access logger's root context is told of each stream that has ended, and reads it.",
    verdict: Verdict::Same(
        r#"is the root: 1, path=0 "/logged", status=0 "200", none=1, size=2, pairs=0, code=0 "\xc8\x00\x00\x00\x00\x00\x00\x00", add=2, set=1, reply=0, connection=1, contexts: 1"#,
    ),
    note: Some("Headers can be read, not changed; properties cannot be set."),
    run: logged_stream,
}];

fn logged_stream(host: &Host) -> String {
    let create = r#"
      (global.set $contexts (i32.add (global.get $contexts) (i32.const 1)))
      (global.set $root (local.get $id))"#;
    let log = r#"
      (call $report @"is the root" (i32.eq (local.get $id) (global.get $root)))
      (call $get @"path" (i32.const 0) @":path")
      (call $get @"status" (i32.const 2) @":status")
      (call $get @"none" (i32.const 0) @"x-none")
      (call $report @"size" (call $proxy_get_header_map_size (i32.const 0) (i32.const 0x200)))
      (call $report @"pairs"
        (call $proxy_get_header_map_pairs (i32.const 0) (i32.const 0x100) (i32.const 0x104)))
      (call $property @"code" @"response\00code")
      (call $report @"add"
        (call $proxy_add_header_map_value (i32.const 0) @"x-new" @"value"))
      (call $report @"set" (call $proxy_set_property @"mine" @"value"))
      (call $report @"reply"
        (call $proxy_send_local_response (i32.const 200) @"" @"" @"" (i32.const -1)))
      (call $property @"connection" @"connection_id")
      (call $report @"contexts" (global.get $contexts))"#;
    let globals = r#"
      (global $contexts (mut i32) (i32.const 0))
      (global $root (mut i32) (i32.const 0))"#;
    let module = guest(&[on_context_create(create), on_log(log), globals.to_owned()].concat());
    let proxy = host.serve(&Setup::yaml(LOGGED, [Plugin::wat(module)]));
    assert_eq!(proxy.get("/logged").send().status, 200);
    let reports = proxy.wait_for("contexts=");
    reports
        .join(", ")
        .replace("is the root=", "is the root: ")
        .replace("contexts=", "contexts: ")
}

const LOGGED: &str = r#"admin:
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
          access_log:
          - name: envoy.access_loggers.wasm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog
              config: $plugin_0
          http_filters:
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
  clusters:
$clusters
"#;
