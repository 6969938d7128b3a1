//! Root `access-logger`: its root context is told of each stream that has ended.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::MapType;

use crate::{printable, say};

/// Logs what it can read of a stream.
pub(crate) struct AccessLogger;

impl Context for AccessLogger {}

impl RootContext for AccessLogger {
    fn on_log(&mut self) {
        for (map, name) in [
            (MapType::HttpRequestHeaders, ":path"),
            (MapType::HttpRequestHeaders, "x-none"),
            (MapType::HttpResponseHeaders, ":status"),
            (MapType::HttpResponseTrailers, "x-sum"),
        ] {
            let value = hostcalls::get_map_value(map, name);
            say(&format!("{name}: {value:?}"));
        }
        for path in [
            &["request", "method"][..],
            &["response", "code"],
            &["response", "code_details"],
            &["xds", "route_name"],
            &["plugin_root_id"],
        ] {
            let value = hostcalls::get_property(path.to_vec());
            let value = value.map(|found| found.map(|bytes| printable(&bytes)));
            say(&format!("{}: {value:?}", path.join(".")));
        }
        say("logged");
    }
}
