//! What a proxy is started with: plugins, and a configuration around them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plugin::Plugin;

/// The listener's port; the running proxy has another that stands for it.
pub(crate) const LISTENER: u16 = 10_000;

/// Plugins and the configuration that names them.
#[derive(Clone, Debug)]
pub struct Setup {
    plugins: Vec<Plugin>,
    template: String,
    clusters: String,
    listener: String,
    workers: u32,
}

/// One or more plugins, in the order of the filter chain.
pub trait IntoPlugins {
    /// Returns them as a list.
    fn into_plugins(self) -> Vec<Plugin>;
}

impl IntoPlugins for Plugin {
    fn into_plugins(self) -> Vec<Plugin> {
        vec![self]
    }
}

impl<const N: usize> IntoPlugins for [Plugin; N] {
    fn into_plugins(self) -> Vec<Plugin> {
        self.into()
    }
}

impl Setup {
    /// A listener with a chain of HTTP filters before the router. Paths below `/http2` go to the
    /// origin's HTTP/2 server, those below `/raw` to the one that sends bytes as told, those below
    /// `/refused` to a port on which nobody listens, all others to the HTTP/1.1 server.
    #[must_use]
    pub fn http(plugins: impl IntoPlugins) -> Self {
        let plugins = plugins.into_plugins();
        let mut filters = String::new();
        for index in 0..plugins.len() {
            write!(
                filters,
                "{}",
                HTTP_FILTER.replace("$index", &index.to_string())
            )
            .expect("text takes more text");
        }
        Self::yaml(HTTP.replace("$filters\n", &filters), plugins)
    }

    /// A listener with a chain of network filters before a TCP proxy, which goes to the origin's
    /// server that speaks no HTTP.
    #[must_use]
    pub fn tcp(plugins: impl IntoPlugins) -> Self {
        let plugins = plugins.into_plugins();
        let filters: String = (0..plugins.len())
            .map(|index| NETWORK_FILTER.replace("$index", &index.to_string()))
            .collect();
        Self::yaml(TCP.replace("$filters\n", &filters), plugins)
    }

    /// Any configuration. In it `$plugin_0` stands for the first plugin's `PluginConfig`, and
    /// `$clusters` for the clusters `origin`, `http2`, `raw`, `tcp`, `refusing`, `empty` (no endpoint) and
    /// those of [`Self::cluster`]; `port_value: 10000` and up are listeners. As in `envoy-config/`,
    /// each `port_value` has a line of its own.
    #[must_use]
    pub fn yaml(template: impl Into<String>, plugins: impl Into<Vec<Plugin>>) -> Self {
        Self {
            plugins: plugins.into(),
            template: template.into(),
            clusters: CLUSTERS.to_owned(),
            listener: String::new(),
            workers: 1,
        }
    }

    /// Adds a cluster with one endpoint on this machine.
    #[must_use]
    pub fn cluster(mut self, name: &str, port: u16) -> Self {
        // No `port_value:` that would be replaced.
        let cluster = CLUSTER
            .replace("$name", name)
            .replace("port_value: $port", &format!("\"port_value\": {port}"));
        self.clusters.push_str(&cluster);
        self
    }

    /// Adds a cluster as YAML, a list item that is indented by two spaces.
    #[must_use]
    pub fn cluster_yaml(mut self, text: &str) -> Self {
        self.clusters.push_str(text);
        self
    }

    /// Limits what a connection or stream buffers.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: u32) -> Self {
        self.listener = format!("    per_connection_buffer_limit_bytes: {bytes}\n");
        self
    }

    /// Starts the proxy with so many workers.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    pub(crate) fn workers(&self) -> u32 {
        self.workers
    }

    /// Writes modules and configuration into a folder; returns the configuration's path.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let mut text = self
            .template
            .replace("$clusters\n", &self.clusters)
            .replace("$listener\n", &self.listener);
        for (index, plugin) in self.plugins.iter().enumerate().rev() {
            let module = folder.join(format!("guest-{index}.wasm"));
            fs::write(&module, plugin.bytes()).expect("the temporary folder takes files");
            let config = plugin.to_config(index, &module.display().to_string());
            text = text.replace(&format!("$plugin_{index}"), &config);
        }
        let path = folder.join("conformance.yaml");
        fs::write(&path, text).expect("the temporary folder takes files");
        path
    }
}

const HTTP_FILTER: &str = r#"          - name: wasm_$index
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config: $plugin_$index
"#;

const HTTP: &str = r#"admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
$listener
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: main
          http_filters:
$filters
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: routes
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: /http2 }
                route: { cluster: http2 }
              - match: { prefix: /raw }
                route: { cluster: raw }
              - match: { prefix: /refused }
                route: { cluster: refusing }
              - match: { prefix: / }
                route: { cluster: origin }
  clusters:
$clusters
"#;

const NETWORK_FILTER: &str = r#"      - name: wasm_$index
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
          config: $plugin_$index
"#;

const TCP: &str = r#"admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }
static_resources:
  listeners:
  - name: main
    address: { socket_address: { address: 127.0.0.1, port_value: 10000 } }
$listener
    filter_chains:
    - filters:
$filters
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: main
          cluster: tcp
  clusters:
$clusters
"#;

const CLUSTERS: &str = r#"  - name: origin
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8080 } } }
  - name: http2
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }
    load_assignment:
      cluster_name: http2
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8081 } } }
  - name: raw
    load_assignment:
      cluster_name: raw
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8082 } } }
  - name: refusing
    load_assignment:
      cluster_name: refusing
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8089 } } }
  - name: tcp
    load_assignment:
      cluster_name: tcp
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8083 } } }
  - name: empty
    load_assignment: { cluster_name: empty }
"#;

const CLUSTER: &str = r#"  - name: $name
    load_assignment:
      cluster_name: $name
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: $port } } }
"#;
