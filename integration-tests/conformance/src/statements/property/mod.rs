//! What guests ask about streams, plugins and the host.

mod configured;
mod encoding;
mod path;
mod phase;
mod state;

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    path::STATEMENTS,
    encoding::STATEMENTS,
    phase::STATEMENTS,
    state::STATEMENTS,
    configured::STATEMENTS,
];

/// What a guest reports that reads these paths, `/` between parts, in its headers callback; the
/// request is POST /file?a=1&b=2 with a body of five bytes.
fn read(host: &Host, paths: &[&str]) -> Vec<String> {
    let module = guest(&on_request_headers(&reading(paths), 0));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let request = proxy
        .post("/file?a=1&b=2")
        .header("x-mixed", "one")
        .header("x-mixed", "two");
    assert_eq!(request.body("12345").send().status, 200);
    proxy.reports()
}

/// Calls that read paths, `/` between parts.
fn reading(paths: &[&str]) -> String {
    let call = |path: &&str| {
        let parts = path.replace('/', "\\00");
        format!("(call $property @\"{path}\" @\"{parts}\") ")
    };
    paths.iter().map(call).collect()
}
