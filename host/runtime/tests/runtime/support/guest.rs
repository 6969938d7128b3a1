//! Guests: WebAssembly text with the imports, a memory, an allocator and ways to report.

use std::fmt::Write as _;

/// Every `env` import of ABI 0.2.1 that tests use, with its number of i32 parameters.
const IMPORTS: &[(&str, usize)] = &[
    ("proxy_log", 3),
    ("proxy_get_log_level", 1),
    ("proxy_get_status", 3),
    ("proxy_set_property", 4),
    ("proxy_get_property", 4),
    ("proxy_continue_stream", 1),
    ("proxy_close_stream", 1),
    ("proxy_send_local_response", 8),
    ("proxy_get_shared_data", 5),
    ("proxy_set_shared_data", 5),
    ("proxy_register_shared_queue", 3),
    ("proxy_resolve_shared_queue", 5),
    ("proxy_dequeue_shared_queue", 3),
    ("proxy_enqueue_shared_queue", 3),
    ("proxy_get_header_map_value", 5),
    ("proxy_add_header_map_value", 5),
    ("proxy_replace_header_map_value", 5),
    ("proxy_remove_header_map_value", 3),
    ("proxy_get_header_map_pairs", 3),
    ("proxy_set_header_map_pairs", 3),
    ("proxy_get_header_map_size", 2),
    ("proxy_get_buffer_bytes", 5),
    ("proxy_get_buffer_status", 3),
    ("proxy_set_buffer_bytes", 5),
    ("proxy_http_call", 10),
    ("proxy_grpc_call", 12),
    ("proxy_grpc_stream", 9),
    ("proxy_grpc_send", 4),
    ("proxy_grpc_cancel", 1),
    ("proxy_grpc_close", 1),
    ("proxy_set_tick_period_milliseconds", 1),
    ("proxy_get_current_time_nanoseconds", 1),
    ("proxy_define_metric", 4),
    ("proxy_get_metric", 2),
    ("proxy_set_effective_context", 1),
    ("proxy_done", 0),
    ("proxy_call_foreign_function", 6),
    ("envoy_resolve_dns", 3),
];

/// The imports that take an i64.
const METRIC_IMPORTS: &str = r#"
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
"#;

/// Functions with which guests report; each report is a log line.
///
/// `$say` reports a number, `$show` bytes. `$get` asks for a header and reports the status and,
/// if it is 0, the value. Results lie at 0x100 (address) and 0x104 (size).
const PRELUDE: &str = r#"
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 0x10000))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param $size i32) (result i32)
    (local $block i32)
    (local.set $block (global.get $heap))
    (global.set $heap (i32.add (global.get $heap) (local.get $size)))
    (local.get $block))
  (func $say (param $number i32)
    (i32.store (i32.const 0x200) (local.get $number))
    (drop (call $proxy_log (i32.const 0) (i32.const 0x200) (i32.const 4))))
  (func $show (param $ptr i32) (param $size i32)
    (drop (call $proxy_log (i32.const 5) (local.get $ptr) (local.get $size))))
  (func $show_result
    (call $show (i32.load (i32.const 0x100)) (i32.load (i32.const 0x104))))
  (func $check (param $status i32)
    (call $say (local.get $status))
    (if (i32.eqz (local.get $status)) (then (call $show_result))))
  (func $get (param $map i32) (param $key i32) (param $size i32)
    (call $check (call $proxy_get_header_map_value (local.get $map)
      (local.get $key) (local.get $size) (i32.const 0x100) (i32.const 0x104))))
  (func $pairs (param $map i32)
    (call $check (call $proxy_get_header_map_pairs (local.get $map)
      (i32.const 0x100) (i32.const 0x104))))
  (func $read (param $buffer i32)
    (call $check (call $proxy_get_buffer_bytes (local.get $buffer) (i32.const 0)
      (i32.const 0x7fffffff) (i32.const 0x100) (i32.const 0x104))))
  (func $property (param $path i32) (param $size i32)
    (call $check (call $proxy_get_property (local.get $path) (local.get $size)
      (i32.const 0x100) (i32.const 0x104))))
"#;

/// Returns a module with the prelude and `body`. In it `@"text"` stands for the address and size
/// of a string; its imports must come first.
pub(crate) fn wat(body: &str) -> String {
    let mut imports = String::new();
    for (name, params) in IMPORTS {
        let params = "i32 ".repeat(*params);
        writeln!(
            imports,
            r#"  (import "env" "{name}" (func ${name} (param {params}) (result i32)))"#
        )
        .unwrap();
    }
    module_text(&format!("{imports}{METRIC_IMPORTS}{body}{PRELUDE}"))
}

/// Returns a module of exactly these fields, with `@"text"` replaced.
pub(crate) fn module_text(fields: &str) -> String {
    let mut text = String::from("(module\n");
    let mut data = String::new();
    let mut address = 0x1000;
    let mut rest = fields;
    while let Some((before, after)) = rest.split_once("@\"") {
        let (string, after) = after.split_once('"').unwrap();
        let escapes = string.matches('\\').count();
        let size = string.len() - 2 * escapes;
        write!(text, "{before}(i32.const {address}) (i32.const {size})").unwrap();
        writeln!(data, "  (data (i32.const {address}) \"{string}\")").unwrap();
        address += size + 1;
        rest = after;
    }
    text + rest + &data + ")"
}

/// Returns `proxy_on_request_headers` that runs `body` and continues.
pub(crate) fn on_request_headers(body: &str) -> String {
    callback("proxy_on_request_headers", body, 0)
}

/// Returns a callback of a stream with three parameters and this action.
pub(crate) fn callback(name: &str, body: &str, action: i32) -> String {
    format!(
        r#"(func (export "{name}") (param $id i32) (param $size i32) (param $end i32) (result i32)
             {body} (i32.const {action}))"#
    )
}
