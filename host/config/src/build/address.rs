//! Addresses: an IP address and port where a socket is bound, or a name to resolve.

use std::net::{IpAddr, SocketAddr};

use crate::HostAddress;
use crate::view::View;

/// Reads an `Address` that a socket is bound to.
pub(super) fn socket_address(address: &View<'_>) -> Option<SocketAddr> {
    match host_address(address)? {
        HostAddress::Ip(address) => Some(address),
        HostAddress::Name(name, _) => {
            let reason = format!("malformed IP address: {name}");
            address.error("socket_address.address", reason);
            None
        }
    }
}

/// Reads an `Address` that may hold a name.
pub(super) fn host_address(address: &View<'_>) -> Option<HostAddress> {
    let socket = address.child("socket_address")?;
    if socket.enumerator("protocol") == "UDP" {
        socket.unsupported("protocol", "`UDP`");
        return None;
    }
    if socket.has("named_port") {
        return None;
    }
    // The schema allows no more than 65535.
    let port = u16::try_from(socket.u32("port_value")).ok()?;
    let host = socket.text("address");
    Some(match host.parse::<IpAddr>() {
        Ok(ip) => HostAddress::Ip(SocketAddr::new(ip, port)),
        Err(_) => HostAddress::Name(host.to_owned(), port),
    })
}
