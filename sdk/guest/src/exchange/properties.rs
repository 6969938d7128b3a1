//! Properties of an exchange: Envoy's attributes by path, and the usual ones by name and type.

use std::net::{IpAddr, SocketAddr};

use super::Exchange;
use crate::error::{Error, found};
use crate::header::HeaderValue;
use crate::sys;

/// Any attribute.
impl<S> Exchange<S> {
    /// Returns an attribute by its path, such as `["xds", "route_name"]`, in the host's encoding:
    /// text as it is, numbers as eight bytes little-endian.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value.
    pub fn property<P: AsRef<[u8]>>(
        &self,
        path: impl IntoIterator<Item = P>,
    ) -> Result<Option<HeaderValue>, Error> {
        property(&tollgate_abi::property::join(path))
    }

    /// Stores a value that every later Wasm filter of this request, and the access log, can read
    /// as `wasm.<name>`. Names with a NUL cannot be read back.
    ///
    /// # Errors
    ///
    /// When the host refuses it.
    pub fn set_property(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_property(name.as_bytes(), value.as_ref())
    }
}

/// Declares one getter for an attribute: the path is joined here, not at run time.
macro_rules! getters {
    ($( $(#[$doc:meta])* $name:ident: $kind:ident = $path:literal; )+) => {
        /// Common attributes. Each is `None` when the host has no value for it now.
        impl<S> Exchange<S> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// When the host refuses the lookup for another reason than that there is no value.
                pub fn $name(&self) -> Result<Option<getters!(@type $kind)>, Error> {
                    $kind($path)
                }
            )+
        }
    };
    (@type property) => { HeaderValue };
    (@type number) => { u64 };
    (@type flag) => { bool };
    (@type ip) => { IpAddr };
}

getters! {
    /// Returns the client's address with its port, as text.
    remote_address: property = b"source\0address";
    /// Returns the client's IP address: that of the connection, or of a trusted proxy's header.
    remote_ip: ip = b"source\0address";
    /// Returns the listener's address with its port, as text.
    local_address: property = b"destination\0address";
    /// Returns the request's id.
    request_id: property = b"request\0id";
    /// Returns the protocol, such as `HTTP/1.1`.
    protocol: property = b"request\0protocol";
    /// Returns the path without its query.
    url_path: property = b"request\0url_path";
    /// Returns the query, without the question mark.
    query: property = b"request\0query";
    /// Returns `http` or `https`.
    scheme: property = b"request\0scheme";
    /// Returns how long the exchange took, in nanoseconds; known in the log handler.
    duration_nanos: number = b"request\0duration";
    /// Returns the name of the selected route.
    route_name: property = b"xds\0route_name";
    /// Returns the name of the selected cluster.
    cluster_name: property = b"xds\0cluster_name";
    /// Returns the name of the selected virtual host.
    virtual_host_name: property = b"xds\0virtual_host_name";
    /// Returns the connection's number.
    connection_id: number = b"connection\0id";
    /// Returns the TLS version; `None` for a connection in clear.
    tls_version: property = b"connection\0tls_version";
    /// Returns the server name the client asked for by TLS.
    requested_server_name: property = b"connection\0requested_server_name";
    /// Returns whether the client presented a certificate.
    is_mtls: flag = b"connection\0mtls";
    /// Returns the subject of the client's certificate.
    peer_certificate_subject: property = b"connection\0subject_peer_certificate";
    /// Returns the first URI of the client's certificate, its SPIFFE id in a mesh.
    peer_certificate_uri: property = b"connection\0uri_san_peer_certificate";
    /// Returns the address of the chosen endpoint.
    upstream_address: property = b"upstream\0address";
    /// Returns the response's status; known once its headers are on their way.
    response_code: number = b"response\0code";
    /// Returns why the response is what it is, such as `via_upstream`.
    response_code_details: property = b"response\0code_details";
    /// Returns Envoy's response flags as a bit mask.
    response_flags: number = b"response\0flags";
}

fn property(path: &[u8]) -> Result<Option<HeaderValue>, Error> {
    found(sys::property(path)).map(|value| value.map(HeaderValue::from))
}

/// Integers, timestamps and durations are eight bytes; another size reads as no value.
fn number(path: &[u8]) -> Result<Option<u64>, Error> {
    let value = property(path)?;
    Ok(value
        .and_then(|value| value.as_bytes().try_into().ok())
        .map(u64::from_le_bytes))
}

fn flag(path: &[u8]) -> Result<Option<bool>, Error> {
    Ok(property(path)?.and_then(|value| value.first().map(|byte| *byte != 0)))
}

/// A pipe's path reads as no address.
fn ip(path: &[u8]) -> Result<Option<IpAddr>, Error> {
    let value = property(path)?;
    Ok(value.and_then(|value| {
        let text = value.to_str().ok()?;
        let address = text.parse::<SocketAddr>().map(|address| address.ip());
        address.or_else(|_| text.parse::<IpAddr>()).ok()
    }))
}
