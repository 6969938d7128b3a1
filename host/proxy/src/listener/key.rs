//! `ListenerKey`: what makes a listener the same one in another generation.

use std::net::SocketAddr;

/// The address that is configured; where the system chooses the port, the name as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListenerKey {
    address: SocketAddr,
    name: Option<String>,
}

impl ListenerKey {
    /// Returns the key of a configured listener.
    pub(crate) fn of(listener: &tollgate_config::Listener) -> Self {
        let address = listener.address;
        Self {
            name: (address.port() == 0).then(|| listener.name.clone()),
            address,
        }
    }
}
