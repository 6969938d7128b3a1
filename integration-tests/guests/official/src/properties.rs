//! Properties of the request, the connection, the route and the plugin.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::{Behaviour, printable, say};

/// Finds what `/properties/NAME` does.
pub(crate) fn behaviour(name: &str) -> Option<Behaviour> {
    Some(match name {
        "read" => Box::new(Read),
        "state" => Box::new(State),
        "connection" => Box::new(Connection),
        _ => return None,
    })
}

/// What does not depend on ports, clocks or chance, per phase.
const IN_REQUEST: [&[&str]; 26] = [
    &["request", "path"],
    &["request", "url_path"],
    &["request", "query"],
    &["request", "host"],
    &["request", "method"],
    &["request", "scheme"],
    &["request", "protocol"],
    &["request", "useragent"],
    &["request", "referer"],
    &["request", "headers", "X-Mixed"],
    &["request", "headers", "x-none"],
    &["request", "total_size"],
    &["response", "code"],
    &["connection", "mtls"],
    &["connection", "requested_server_name"],
    &["connection", "tls_version"],
    &["xds", "route_name"],
    &["xds", "cluster_name"],
    &["xds", "filter_chain_name"],
    &["plugin_name"],
    &["plugin_root_id"],
    &["plugin_vm_id"],
    &["no", "such", "property"],
    &["no-such-property"],
    &["node", "id"],
    &["listener_direction"],
];

const IN_RESPONSE: [&[&str]; 7] = [
    &["request", "path"],
    &["request", "protocol"],
    &["response", "code"],
    &["response", "headers", "x-origin"],
    &["response", "flags"],
    &["xds", "cluster_name"],
    &["plugin_name"],
];

const IN_LOG: [&[&str]; 9] = [
    &["request", "path"],
    &["request", "method"],
    &["request", "size"],
    &["response", "code"],
    &["response", "code_details"],
    &["response", "flags"],
    &["response", "grpc_status"],
    &["response", "size"],
    &["xds", "cluster_name"],
];

fn show(path: &[&str]) {
    // Some paths name a structure, for which the host gives an error instead of nothing.
    let value = hostcalls::get_property(path.to_vec());
    let text = value.map(|found| found.map(|bytes| printable(&bytes)));
    say(&format!("{}: {text:?}", path.join(".")));
}

struct Read;

impl Context for Read {}

impl HttpContext for Read {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        IN_REQUEST.iter().for_each(|path| show(path));
        for path in [["source", "address"], ["destination", "address"]] {
            let address = self.get_property(path.to_vec()).unwrap_or_default();
            let address = String::from_utf8_lossy(&address).into_owned();
            let host = address.rsplit_once(':').map(|(host, _)| host.to_owned());
            say(&format!("{}: {host:?}", path.join(".")));
        }
        for path in [
            ["request", "time"],
            ["connection", "id"],
            ["request", "id"],
            ["source", "port"],
        ] {
            let length = self.get_property(path.to_vec()).map(|bytes| bytes.len());
            say(&format!("{}: {length:?} bytes", path.join(".")));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        IN_RESPONSE.iter().for_each(|path| show(path));
        Action::Continue
    }

    fn on_log(&mut self) {
        IN_LOG.iter().for_each(|path| show(path));
        let duration = self.get_property(vec!["request", "duration"]);
        say(&format!(
            "request.duration: {:?} bytes",
            duration.map(|bytes| bytes.len())
        ));
        say("logged");
    }
}

const OF_CONNECTION: [&[&str]; 12] = [
    &["request", "scheme"],
    &["connection", "mtls"],
    &["connection", "tls_version"],
    &["connection", "requested_server_name"],
    &["connection", "subject_peer_certificate"],
    &["connection", "dns_san_peer_certificate"],
    &["connection", "uri_san_peer_certificate"],
    &["connection", "subject_local_certificate"],
    &["connection", "dns_san_local_certificate"],
    &["connection", "uri_san_local_certificate"],
    &["connection", "termination_details"],
    &["xds", "filter_chain_name"],
];

/// What is known of the client's connection.
struct Connection;

impl Context for Connection {}

impl HttpContext for Connection {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        OF_CONNECTION.iter().for_each(|path| show(path));
        say("told");
        Action::Continue
    }
}

/// Properties that the filter sets itself.
struct State;

impl Context for State {}

impl HttpContext for State {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("before: {:?}", self.get_property(vec!["verdict"])));
        self.set_property(vec!["verdict"], Some(b"good"));
        self.set_property(vec!["verdict"], Some(b"very good"));
        show(&["verdict"]);
        show(&["filter_state", "wasm.verdict"]);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        show(&["verdict"]);
        Action::Continue
    }

    fn on_log(&mut self) {
        show(&["verdict"]);
        say("logged");
    }
}
