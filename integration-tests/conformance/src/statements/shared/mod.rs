//! What VMs and streams share: data, queues, metrics, the log, foreign functions.

mod data;
mod foreign;
mod log;
mod metric;
mod queue;

use crate::guest::{guest, on_request_headers};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::Statement;

pub(super) const LISTS: &[&[Statement]] = &[
    data::STATEMENTS,
    queue::STATEMENTS,
    metric::STATEMENTS,
    log::STATEMENTS,
    foreign::STATEMENTS,
];

/// What a guest reports that does this with a request's headers.
fn on_request(host: &Host, body: &str) -> String {
    let plugin = Plugin::wat(guest(&on_request_headers(body, 0)));
    let proxy = host.serve(&Setup::http(plugin.vm_id("vm")));
    assert_eq!(proxy.get("/").send().status, 200);
    proxy.reports().join(", ")
}
