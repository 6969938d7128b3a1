//! How bytes and maps get into and out of a guest's memory.

mod allocation;
mod malformed;
mod pairs;
mod range;

use tollgate_integration_tests::client::Body;

use crate::guest::{guest, on_request_trailers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    range::STATEMENTS,
    allocation::STATEMENTS,
    pairs::STATEMENTS,
    malformed::STATEMENTS,
];

/// Lets a guest run when the trailers `a: b` and `cc:` of a request have come, which are the whole
/// map 1; returns what it reported.
fn with_two_trailers(host: &Host, functions: &str, body: &str) -> String {
    let module = guest(&format!("{functions}{}", on_request_trailers(body, 0)));
    let proxy = host.serve(&Setup::http(Plugin::wat(module)));
    let request = Body::chunks()
        .chunk("x")
        .trailers(&[("a", "b"), ("cc", "")]);
    let response = proxy.post("/http2").http2().stream(request).send();
    assert_eq!(response.status, 200, "{}", proxy.last_output());
    proxy.reports().join(", ")
}
