//! The guest, made from the runtime's own list of imports, so that no hostcall is left out.
//!
//! In each callback it fetches a script with `random_get`, which a module may call at any time and
//! whose bytes the embedder chooses, and then obeys it: an instruction is a number and arguments.

use std::fmt::Write as _;

use super::strings;

/// Every import as `VERSIONS (import …)`, one a line; the runtime's own tests read it, too.
const IMPORTS: &str = include_str!("../../../../host/runtime/tests/runtime/every_import.txt");

/// Callbacks: name, number of parameters, whether there is a result.
const CALLBACKS: &[(&str, usize, bool)] = &[
    ("_initialize", 0, false),
    ("proxy_on_context_create", 2, false),
    ("proxy_on_vm_start", 2, true),
    ("proxy_on_configure", 2, true),
    ("proxy_on_tick", 1, false),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_new_connection", 1, true),
    ("proxy_on_downstream_data", 3, true),
    ("proxy_on_downstream_connection_close", 2, false),
    ("proxy_on_upstream_data", 3, true),
    ("proxy_on_upstream_connection_close", 2, false),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_receive_initial_metadata", 3, false),
    ("proxy_on_grpc_receive", 3, false),
    ("proxy_on_grpc_receive_trailing_metadata", 3, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_queue_ready", 2, false),
    ("envoy_on_resolve_dns", 3, false),
    ("envoy_on_stats_update", 2, false),
];

/// What the guest is made of besides imports and callbacks. Memory: texts from 0, their lengths at
/// 0x1000, results from 0x2000, numbers at 0x3000, the script at 0x4000, allocations from 0x8000.
const BODY: &str = include_str!("guest.wat");

/// Numbers at which arithmetic goes wrong.
const NUMBERS: [u32; 24] = [
    0,
    1,
    4,
    24,
    1023,
    1024,
    1025,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x1_0001,
    0x1_fffc,
    0x1_fffd,
    0x1_ffff,
    0x2_0000,
    0x2_0001,
    0x10_0000,
    0x10_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffc,
    0xffff_fffe,
    0xffff_ffff,
];

/// The module's text for an ABI version, as `0.2.1`.
pub(super) fn text(version: &str) -> String {
    let imports: Vec<&str> = IMPORTS
        .lines()
        .filter_map(|line| import(line, version))
        .collect();
    let mut text = String::from("(module\n");
    for (index, import) in imports.iter().enumerate() {
        let _ = writeln!(
            text,
            "{}",
            import.replace("(func ", &format!("(func $f{index} "))
        );
    }
    text.push_str(&BODY.replace("$random_get", &random_get(&imports)));
    text.push_str(&data());
    text.push_str(&dispatch(&imports));
    for (name, params, has_result) in CALLBACKS {
        let is_headers = matches!(
            *name,
            "proxy_on_request_headers" | "proxy_on_response_headers"
        );
        let params = params - usize::from(is_headers && version == "0.1.0");
        let result = if *has_result {
            ("(result i32)", "")
        } else {
            ("", "drop")
        };
        let _ = writeln!(
            text,
            "(func (export \"{name}\") (param {}) {} (call $run) {})",
            "i32 ".repeat(params),
            result.0,
            result.1
        );
    }
    if version != "0.1.0" {
        text.push_str("(func (export \"proxy_on_foreign_function\") (param i32 i32 i32) (drop (call $run)))\n");
    }
    let marker = version.replace('.', "_");
    let _ = writeln!(text, "(func (export \"proxy_abi_version_{marker}\")))");
    text
}

/// What the function is called that fetches scripts.
fn random_get(imports: &[&str]) -> String {
    let index = imports
        .iter()
        .position(|import| import.contains("\"random_get\""));
    format!("$f{}", index.expect("the list of imports has random_get"))
}

/// The import of a line, if the version has it.
fn import<'a>(line: &'a str, version: &str) -> Option<&'a str> {
    let (versions, import) = line.split_once(' ')?;
    (versions == "all" || versions.split(',').any(|known| known == version)).then_some(import)
}

/// Segments: texts, their lengths, numbers.
fn data() -> String {
    let mut data = String::new();
    for (index, text) in strings::all().iter().enumerate() {
        let address = index * strings::SLOT;
        let _ = writeln!(data, "(data (i32.const {address}) \"{}\")", escaped(text));
        let length = [u8::try_from(text.len()).unwrap_or(u8::MAX), 0, 0, 0];
        let address = 0x1000 + index * 4;
        let _ = writeln!(
            data,
            "(data (i32.const {address}) \"{}\")",
            escaped(&length)
        );
    }
    for (index, number) in NUMBERS.iter().enumerate() {
        let address = 0x3000 + index * 4;
        let bytes = escaped(&number.to_le_bytes());
        let _ = writeln!(data, "(data (i32.const {address}) \"{bytes}\")");
    }
    data
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

/// A function that makes the call of a number.
fn dispatch(imports: &[&str]) -> String {
    let mut text = String::from("(func $call (param $number i32)\n");
    for _ in imports {
        text.push_str("(block ");
    }
    let targets: Vec<String> = (0..=imports.len()).map(|index| index.to_string()).collect();
    let _ = write!(
        text,
        "(block (br_table {} (local.get $number)))",
        targets.join(" ")
    );
    for (index, import) in imports.iter().enumerate() {
        let arguments: String = parameters(import)
            .map(|kind| {
                if kind == "i64" {
                    "(call $long)"
                } else {
                    "(call $argument)"
                }
            })
            .collect();
        let drop = if import.contains("(result i32)") {
            "drop"
        } else {
            ""
        };
        let _ = write!(text, "\n(call $f{index} {arguments}) {drop} (return))");
    }
    text.push_str(")\n");
    text
}

fn parameters(import: &str) -> impl Iterator<Item = &str> {
    let list = import
        .split_once("(param ")
        .and_then(|(_, rest)| rest.split_once(')'));
    list.map_or("", |(list, _)| list).split_whitespace()
}
