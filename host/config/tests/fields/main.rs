//! Every field of the supported subset, read from the files below `files/ok`.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a missing part fails the test"
)]

mod clusters;
mod manager;
mod metadata;
mod routes;
mod spellings;
mod tcp;
mod tls;
mod wasm;

use std::path::Path;

use tollgate_config::{
    Bootstrap, HttpConnectionManager, LoadOptions, NetworkFilter, VirtualHost, load,
};

fn read(name: &str) -> Bootstrap {
    let path = Path::new("tests/files/ok").join(name);
    load(&path, &LoadOptions::default())
        .unwrap_or_else(|errors| panic!("{errors}"))
        .bootstrap
}

fn manager(bootstrap: &Bootstrap) -> &HttpConnectionManager {
    let NetworkFilter::HttpConnectionManager(manager) =
        &bootstrap.listeners[0].filter_chains[0].filter
    else {
        panic!("not a connection manager")
    };
    manager
}

fn virtual_host(bootstrap: &Bootstrap) -> &VirtualHost {
    &manager(bootstrap).route_config.virtual_hosts[0]
}
