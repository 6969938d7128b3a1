//! The properties that an expression refers to, as variables.

use std::collections::{BTreeMap, HashMap};

use cel::Value;
use cel::objects::Key;

use super::check::Path;
use super::value::{map, to_cel};
use crate::host::{PropertyResult, PropertyType};
use crate::hostcalls::property;
use crate::vm::VmState;

/// The names below a namespace, for expressions that ask for one whole or by a name that they make
/// themselves.
const NAMESPACES: &[(&str, &[&str])] = &[
    (
        "request",
        &[
            "path",
            "url_path",
            "host",
            "scheme",
            "method",
            "referer",
            "headers",
            "time",
            "id",
            "useragent",
            "size",
            "total_size",
            "duration",
            "protocol",
            "query",
            "headers_bytes",
        ],
    ),
    (
        "response",
        &[
            "code",
            "size",
            "headers",
            "trailers",
            "flags",
            "grpc_status",
            "total_size",
            "code_details",
            "backend_latency",
            "headers_bytes",
        ],
    ),
    (
        "connection",
        &[
            "id",
            "mtls",
            "requested_server_name",
            "tls_version",
            "termination_details",
            "transport_failure_reason",
            "subject_local_certificate",
            "subject_peer_certificate",
            "uri_san_local_certificate",
            "uri_san_peer_certificate",
            "dns_san_local_certificate",
            "dns_san_peer_certificate",
            "sha256_peer_certificate_digest",
        ],
    ),
    (
        "upstream",
        &[
            "address",
            "port",
            "local_address",
            "transport_failure_reason",
            "request_attempt_count",
            "num_endpoints",
        ],
    ),
    ("source", &["address", "port"]),
    ("destination", &["address", "port"]),
    (
        "xds",
        &[
            "node",
            "cluster_name",
            "cluster_metadata",
            "route_name",
            "route_metadata",
            "virtual_host_name",
            "virtual_host_metadata",
            "listener_direction",
            "listener_metadata",
            "upstream_host_metadata",
            "filter_chain_name",
        ],
    ),
    ("metadata", &[]),
    ("filter_state", &[]),
    ("upstream_filter_state", &[]),
];

/// Looks a property up in the acting context.
pub(super) fn find(state: &VmState, path: &[String]) -> PropertyResult {
    let parts: Vec<&[u8]> = path.iter().map(String::as_bytes).collect();
    property::find(state, &parts)
}

/// Returns the variables that make these paths work. What has no value is left out, so that an
/// expression can ask whether it is there.
pub(super) fn variables(state: &VmState, paths: &[Path]) -> HashMap<String, Value> {
    let mut roots = BTreeMap::<&str, Node<'_>>::new();
    for path in paths {
        let Some((root, rest)) = path.split_first() else {
            continue;
        };
        let mut node = roots.entry(root).or_default();
        for part in rest {
            node = node.children.entry(part).or_default();
        }
        node.is_whole = true;
    }
    let mut variables = HashMap::new();
    for (name, mut root) in roots {
        if let Some((_, names)) = NAMESPACES.iter().find(|(namespace, _)| *namespace == name) {
            root.is_namespace = true;
            let wanted = names.iter().filter(|_| root.is_whole);
            for part in wanted {
                root.children.entry(part).or_default().is_whole = true;
            }
        }
        if let Some(value) = root.value(state, &mut vec![name.to_owned()]) {
            variables.insert(name.to_owned(), value);
        }
    }
    variables
}

/// A part of the tree of all paths.
#[derive(Default)]
struct Node<'a> {
    children: BTreeMap<&'a str, Self>,
    /// Whether a path ends here.
    is_whole: bool,
    /// Whether it exists without a value of its own.
    is_namespace: bool,
}

impl Node<'_> {
    /// Paths are as short as expressions are flat, so this does not recurse deep.
    fn value(&self, state: &VmState, path: &mut Path) -> Option<Value> {
        let own = if self.is_whole && !self.is_namespace {
            find(state, path)
                .ok()
                .map(|value| to_cel(value, is_bytes(state, path)))
        } else {
            None
        };
        let mut entries = match own {
            Some(Value::Map(known)) => known.map.as_ref().clone(),
            Some(value) if self.children.is_empty() => return Some(value),
            Some(_) | None => HashMap::new(),
        };
        let is_known = self.is_namespace || !entries.is_empty() || self.has_map(state, path);
        for (name, child) in &self.children {
            path.push((*name).to_owned());
            if let Some(value) = child.value(state, path) {
                entries.insert(Key::from((*name).to_owned()), value);
            }
            path.pop();
        }
        (is_known || !entries.is_empty()).then(|| map(entries))
    }

    /// Whether there is a map, however empty, below which other paths lead.
    fn has_map(&self, state: &VmState, path: &Path) -> bool {
        !self.children.is_empty() && find(state, path).is_ok()
    }
}

/// What plugins set is bytes, unless they have declared it to be text; so is other filter state.
fn is_bytes(state: &VmState, path: &[String]) -> bool {
    let name = match path {
        [root, name, ..] if root == "filter_state" || root == "upstream_filter_state" => {
            name.strip_prefix("wasm.")
        }
        [name, ..] if is_builtin(name) => return false,
        [name, ..] => Some(name.as_str()),
        [] => None,
    };
    let declarations = state.acting_root().map(|(_, root)| &root.declarations);
    let declared = name
        .zip(declarations)
        .and_then(|(name, declarations)| declarations.of(name.as_bytes()));
    declared.is_none_or(|declared| declared.kind != PropertyType::String)
}

fn is_builtin(name: &str) -> bool {
    NAMESPACES.iter().any(|(namespace, _)| *namespace == name)
        || [
            "plugin_name",
            "plugin_root_id",
            "plugin_vm_id",
            "connection_id",
        ]
        .contains(&name)
}
