//! Fits a file of `envoy-config/` to one run: free ports, the origin's ports, built modules.
//!
//! The files are complete as they lie there, so that a user can start either proxy with them. What
//! the harness replaces is recognised by convention, which `envoy-config/README.md` describes.

use std::collections::BTreeMap;

use crate::artifact::wasm_module;
use crate::certificate::certificate_dir;
use crate::port;

/// Ports of a file as it lies there, and what they became.
pub type Ports = BTreeMap<u16, u16>;

/// The admin interface's port in every file.
pub(crate) const ADMIN: u16 = 9901;

/// Where modules lie in every file, seen from the repository's root.
const MODULE_PREFIX: &str = "target/wasm/wasm32-unknown-unknown/wasm/";
/// Where certificates lie in every file.
const CERTIFICATE_PREFIX: &str = "target/tls/";

const PORT_FIELD: &str = "port_value:";

/// Replaces the ports of a file: those in `origins` by what they map to, all others by free ones.
#[must_use]
pub fn fill(text: &str, origins: &Ports) -> (String, Ports) {
    let mut ports = origins.clone();
    let mut filled = String::with_capacity(text.len());
    for line in text.lines() {
        match shipped_port(line) {
            Some((shipped, before, after)) => {
                let port = *ports.entry(shipped).or_insert_with(port::free);
                filled.push_str(&format!("{before}{PORT_FIELD} {port}{after}"));
            }
            None => filled.push_str(&fill_certificate(&fill_module(line))),
        }
        filled.push('\n');
    }
    (filled, ports)
}

/// Splits a line that names a port: the port, and what stands around it.
fn shipped_port(line: &str) -> Option<(u16, &str, &str)> {
    let (before, rest) = line.split_once(PORT_FIELD)?;
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end)?;
    Some((digits.parse().ok()?, before, after))
}

/// Points a line at the module that the running tests use, which is built if need be.
fn fill_module(line: &str) -> String {
    let Some((before, rest)) = line.split_once(MODULE_PREFIX) else {
        return line.to_owned();
    };
    let Some((module, _)) = rest.split_once(".wasm") else {
        return line.to_owned();
    };
    let path = wasm_module(module);
    let folder = path.display().to_string();
    let folder = folder.trim_end_matches(&format!("{module}.wasm"));
    format!("{before}{folder}{rest}")
}

/// Points a line at the certificates of the running tests, which are made if need be.
fn fill_certificate(line: &str) -> String {
    if !line.contains(CERTIFICATE_PREFIX) {
        return line.to_owned();
    }
    let folder = format!("{}/", certificate_dir().display());
    line.replace(CERTIFICATE_PREFIX, &folder)
}
