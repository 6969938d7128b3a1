//! Notes: what loads, but does not do what its author may think.

use tollgate_abi::AbiVersion;

use crate::module::{Binary, CALLBACKS, Item};

/// Exports of known SDKs under names that no host looks for.
const MISNAMED: &[(&str, &str)] = &[
    (
        "proxy_on_grpc_trailing_metadata",
        "proxy_on_grpc_receive_trailing_metadata",
    ),
    ("proxy_on_http_request_headers", "proxy_on_request_headers"),
    (
        "proxy_on_http_response_headers",
        "proxy_on_response_headers",
    ),
    ("proxy_on_http_request_body", "proxy_on_request_body"),
    ("proxy_on_http_response_body", "proxy_on_response_body"),
];

/// Returns the notes on a module.
pub(super) fn notes(binary: &Binary, abi: Option<AbiVersion>) -> Vec<String> {
    let functions: Vec<_> = binary
        .exports
        .iter()
        .filter(|export| matches!(export.item, Item::Function(_)))
        .map(|export| export.name.as_str())
        .collect();
    let unheard = functions
        .iter()
        .filter_map(|name| unheard(name, abi))
        .chain(markers(&functions));
    unheard.chain(start_functions(&functions)).collect()
}

/// Callbacks that no host calls.
fn unheard(name: &str, abi: Option<AbiVersion>) -> Option<String> {
    if !name.starts_with("proxy_on_") {
        return None;
    }
    let known = CALLBACKS.iter().find(|callback| callback.name == name);
    match (known, abi) {
        (Some(callback), Some(abi)) if callback.signature(abi).is_none() => Some(format!(
            "{name} is never called: ABI {abi} does not have it; build for a later one"
        )),
        (Some(_), _) => None,
        (None, _) => {
            let meant = MISNAMED.iter().find(|(wrong, _)| *wrong == name);
            let advice = meant.map_or_else(
                || "check the name".to_owned(),
                |(_, right)| format!("export it as {right}"),
            );
            Some(format!(
                "{name} is never called: no host looks for it; {advice}"
            ))
        }
    }
}

/// The first marker decides, whatever later ones say.
fn markers(functions: &[&str]) -> Option<String> {
    let mut known = functions
        .iter()
        .filter(|name| AbiVersion::from_marker(name).is_some());
    let (first, second) = (known.next()?, known.next()?);
    Some(format!(
        "{second} has no effect: {first} is exported before it; export one of them"
    ))
}

/// `_start` runs only in modules without `_initialize`, `main` only in those with it.
fn start_functions(functions: &[&str]) -> Option<String> {
    let has = |name| functions.contains(&name);
    match (has("_initialize"), has("_start"), has("main")) {
        (true, true, _) => Some(
            "_start is never called: the module exports _initialize; link it as a reactor or as \
             a command, not as both"
                .to_owned(),
        ),
        (false, false, true) => Some(
            "main is never called: it runs only after an exported _initialize; link the module \
             as a reactor"
                .to_owned(),
        ),
        _ => None,
    }
}
