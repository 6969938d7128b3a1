//! Tests of plugins on a worker, with small guests.

mod breaker;
mod compile_cache;
mod early_end;
mod failure;
mod faults;
mod isolation;
mod loading;
mod metrics;
mod recovery;
mod spares;
mod stream;
mod waiting;

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use tollgate_config::{
    DataSource, FailurePolicy, Node, PluginConfig, ReloadConfig, Settings, VmConfig,
};

use super::{PluginHandle, PluginRegistry, StreamVms, WasmRuntime};
use crate::callout::tests::clusters;
use crate::filter::tests::stream_state;
use crate::filter::{Event, HttpFilterChain, LocalReply, StreamState};
use crate::telemetry::{StatValue, Stats};

/// Returns a module: what every guest needs, and these functions.
fn guest(functions: &str) -> Bytes {
    let text = format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_set_tick_period_milliseconds"
                (func $set_tick (param i32) (result i32)))
            (import "env" "proxy_replace_header_map_value"
                (func $replace (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_send_local_response"
                (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_http_call"
                (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_set_effective_context" (func $act_on (param i32) (result i32)))
            (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
            (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
            (import "env" "proxy_define_metric"
                (func $define (param i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
            (import "env" "proxy_get_shared_data"
                (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_set_shared_data"
                (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_get_header_map_value"
                (func $header (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "x-guestyesdenied")
            (global $free (mut i32) (i32.const 4096))
            (global $stream (mut i32) (i32.const 0))
            (func (export "malloc") (param $size i32) (result i32)
                (global.get $free)
                (global.set $free (i32.add (global.get $free) (local.get $size))))
            (func (export "proxy_abi_version_0_2_1"))
            {functions})"#
    );
    Bytes::from(wat::parse_str(text).unwrap())
}

/// Adds to these functions that the guest starts once: what is started after that is refused.
fn starts_once(functions: &str) -> String {
    let start = r#"
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (if (i32.eqz (call $get_shared (i32.const 0) (i32.const 7) (i32.const 300) (i32.const 304)
                (i32.const 308)))
            (then (return (i32.const 0))))
        (drop (call $set_shared (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 3)
            (i32.const 0)))
        (i32.const 1))"#;
    format!("{start}{functions}")
}

fn plugin(code: Bytes, failure_policy: FailurePolicy) -> PluginConfig {
    PluginConfig {
        name: "guest".to_owned(),
        root_id: String::new(),
        vm_config: VmConfig {
            vm_id: "vm".to_owned(),
            code: DataSource::Inline(code),
            configuration: Bytes::new(),
            environment: Vec::new(),
        },
        configuration: Bytes::new(),
        failure_policy,
        reload_config: ReloadConfig {
            base_interval: Duration::from_secs(1),
        },
        allow_on_headers_stop_iteration: false,
        allowed_capabilities: None,
    }
}

/// Plugins on a worker, with what they count.
struct Lab {
    stats: Stats,
    registry: PluginRegistry,
}

impl Lab {
    /// Returns a worker with these settings.
    fn new(settings: &str) -> Self {
        Self::with_origin(settings, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
    }

    /// Returns one with a cluster `origin` at this address.
    fn with_origin(settings: &str, origin: SocketAddr) -> Self {
        let stats = Stats::new();
        let settings = Settings::parse(settings, "tollgate.yaml").unwrap();
        let runtime = WasmRuntime::new(&stats, Arc::new(settings));
        let registry = PluginRegistry::new(
            &runtime,
            &clusters(origin),
            &Node::default(),
            &stats,
            &Arc::default(),
            None,
        );
        registry.serve();
        Self { stats, registry }
    }

    /// Starts a guest, made of these functions.
    fn start(&self, functions: &str, policy: FailurePolicy) -> Rc<PluginHandle> {
        self.registry
            .add(&plugin(guest(functions), policy))
            .unwrap()
    }

    fn stat(&self, name: &str) -> u64 {
        self.find_stat(name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// Returns a statistic, if there is one of this name.
    fn find_stat(&self, name: &str) -> Option<u64> {
        let all = self.stats.snapshot();
        match all.into_iter().find(|stat| stat.name == name)?.value {
            StatValue::Counter(value) | StatValue::Gauge(value) => Some(value),
            StatValue::Text(_) | StatValue::Histogram { .. } => panic!("{name} is no number"),
        }
    }
}

fn runtime() -> Arc<WasmRuntime> {
    WasmRuntime::new(&Stats::new(), Arc::default())
}

fn registry(runtime: &Arc<WasmRuntime>) -> PluginRegistry {
    registry_with_origin(runtime, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
}

fn registry_with_origin(runtime: &Arc<WasmRuntime>, origin: SocketAddr) -> PluginRegistry {
    let node = Node::default();
    let registry = PluginRegistry::new(
        runtime,
        &clusters(origin),
        &node,
        &Stats::new(),
        &Arc::default(),
        None,
    );
    registry.serve();
    registry
}

/// Starts a guest, made of these functions.
fn start(functions: &str, policy: FailurePolicy) -> Rc<PluginHandle> {
    Lab::new("").start(functions, policy)
}

/// Returns a stream's chain with this plugin, or without it if it is passed by.
fn chain(plugin: &PluginHandle) -> HttpFilterChain {
    chain_of(&[plugin])
}

/// Returns a stream's chain with these plugins.
fn chain_of(plugins: &[&PluginHandle]) -> HttpFilterChain {
    chain_at(plugins, Instant::now())
}

fn chain_at(plugins: &[&PluginHandle], now: Instant) -> HttpFilterChain {
    let (state, mut vms) = (stream_state(), StreamVms::default());
    let filters = plugins
        .iter()
        .filter_map(|plugin| plugin.create_filter_at(&state, &mut vms, now));
    HttpFilterChain::new(filters.collect(), Rc::clone(&state), 1 << 20)
}

/// Returns the chain of a request that has no body.
fn request(plugin: &PluginHandle) -> HttpFilterChain {
    let chain = chain(plugin);
    chain.request_headers(true);
    chain
}

fn answered_503(chain: &HttpFilterChain) {
    assert_eq!(chain.next_request_event(), None);
    let reply = chain.take_local_reply().unwrap();
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.details, "wasm_fail_stream");
    assert!(reply.body.is_empty());
}

fn passes(chain: &HttpFilterChain) {
    assert_eq!(
        chain.next_request_event(),
        Some(Event::Headers {
            end_of_stream: true
        })
    );
    assert!(chain.take_local_reply().is_none());
}

fn header(state: &StreamState, name: &str) -> Option<Vec<u8>> {
    state.request_headers.borrow().get(name).map(<[u8]>::to_vec)
}

/// Waits until the stream is answered.
async fn local_reply(chain: &HttpFilterChain) -> LocalReply {
    std::future::poll_fn(|cx| {
        chain.register_request_waker(cx.waker());
        match chain.take_local_reply() {
            Some(reply) => std::task::Poll::Ready(reply),
            None => std::task::Poll::Pending,
        }
    })
    .await
}
