//! Properties of an exchange: Envoy's attributes by path, and each of them by name and type.

use std::net::IpAddr;
use std::time::Duration;

use super::Exchange;
use crate::error::{Error, found};
use crate::header::{HeaderValue, Headers};
use crate::property::{FromProperty, read};
use crate::sys;
use crate::time::Timestamp;

/// Any attribute.
impl<S> Exchange<S> {
    /// Returns an attribute as the type that it has. [`path!`](crate::path) joins the path when
    /// the filter is compiled.
    ///
    /// ```
    /// use tollgate::{Exchange, path};
    ///
    /// fn tier(ex: &Exchange<()>) -> Result<Option<String>, tollgate::Error> {
    ///     ex.prop(path!["xds", "route_metadata", "filter_metadata", "billing", "tier"])
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value;
    /// `ParseFailure` when the value is no `T`.
    pub fn prop<T: FromProperty>(&self, path: impl AsRef<[u8]>) -> Result<Option<T>, Error> {
        read(path.as_ref())
    }

    /// Returns an attribute by the parts of its path, such as `["xds", "route_name"]`, in the
    /// host's encoding: text as it is, numbers as eight bytes little-endian.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value.
    pub fn property<P: AsRef<[u8]>>(
        &self,
        path: impl IntoIterator<Item = P>,
    ) -> Result<Option<HeaderValue>, Error> {
        read(&tollgate_abi::property::join(path))
    }

    /// Stores a value that every later Wasm filter of this request can read by
    /// [`own_property`](Self::own_property), and the access log as `wasm.<name>`. Names with a NUL
    /// cannot be read back.
    ///
    /// # Errors
    ///
    /// When the host refuses it.
    pub fn set_property(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::set_property(name.as_bytes(), value.as_ref())
    }

    /// Returns what this filter or another one has [set](Self::set_property).
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup.
    pub fn own_property(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        found(sys::property(name.as_bytes())).map(|value| value.map(HeaderValue::from))
    }

    /// Returns a value of the request's dynamic metadata, which other filters write. The ABI has
    /// no way to write it; see [`set_property`](Self::set_property) and
    /// [`set_filter_state`](crate::foreign::set_filter_state).
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup; `ParseFailure` when the value is no `T`.
    pub fn metadata<T: FromProperty>(
        &self,
        namespace: &str,
        key: &str,
    ) -> Result<Option<T>, Error> {
        let path = ["metadata", "filter_metadata", namespace, key];
        read(&tollgate_abi::property::join(path))
    }

    /// Returns an object of the filter state, whoever has set it.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup; `ParseFailure` when the value is no `T`.
    pub fn filter_state<T: FromProperty>(&self, key: &str) -> Result<Option<T>, Error> {
        read(&tollgate_abi::property::join(["filter_state", key]))
    }
}

/// The client.
impl<S> Exchange<S> {
    /// Returns the client's IP address: that of the connection, or of a trusted proxy's header.
    /// `None` for a client that is connected by a pipe.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup for another reason than that there is no value.
    pub fn remote_ip(&self) -> Result<Option<IpAddr>, Error> {
        let address = found(sys::property(b"source\0address"))?;
        Ok(address.and_then(IpAddr::from_property))
    }
}

/// Declares one getter for an attribute: the path is joined here, not at run time.
macro_rules! getters {
    ($( $(#[$doc:meta])* $name:ident: $type:ty = $path:literal; )+) => {
        /// Envoy's attributes. Each is `None` when the host has no value for it now.
        impl<S> Exchange<S> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// When the host refuses the lookup for another reason than that there is no
                /// value, or gives bytes that are none of this type.
                pub fn $name(&self) -> Result<Option<$type>, Error> {
                    read($path)
                }
            )+
        }
    };
}

getters! {
    /// Returns the client's address with its port; see [`remote_ip`](Self::remote_ip).
    remote_address: HeaderValue = b"source\0address";
    /// Returns the client's port.
    remote_port: u64 = b"source\0port";
    /// Returns the listener's address with its port.
    local_address: HeaderValue = b"destination\0address";
    /// Returns the listener's port.
    local_port: u64 = b"destination\0port";
    /// Returns the request's id.
    request_id: HeaderValue = b"request\0id";
    /// Returns the request's `referer`.
    referer: HeaderValue = b"request\0referer";
    /// Returns the request's `user-agent`.
    user_agent: HeaderValue = b"request\0useragent";
    /// Returns the request's headers with one entry for each name, values joined by commas.
    request_headers: Headers = b"request\0headers";
    /// Returns the protocol, such as `HTTP/1.1`.
    protocol: HeaderValue = b"request\0protocol";
    /// Returns the path without its query.
    url_path: HeaderValue = b"request\0url_path";
    /// Returns the query, without the question mark.
    query: HeaderValue = b"request\0query";
    /// Returns `http` or `https`.
    scheme: HeaderValue = b"request\0scheme";
    /// Returns when the request began.
    start_time: Timestamp = b"request\0time";
    /// Returns how long the exchange took; known in the log handler.
    duration: Duration = b"request\0duration";
    /// Returns the size of the request's body: as announced, or as received so far.
    request_size: u64 = b"request\0size";
    /// Returns the size of the request with its headers, as received so far.
    request_total_size: u64 = b"request\0total_size";
    /// Returns the name of the selected route.
    route_name: HeaderValue = b"xds\0route_name";
    /// Returns the name of the selected cluster.
    cluster_name: HeaderValue = b"xds\0cluster_name";
    /// Returns the name of the selected virtual host.
    virtual_host_name: HeaderValue = b"xds\0virtual_host_name";
    /// Returns the name of the filter chain.
    filter_chain_name: HeaderValue = b"xds\0filter_chain_name";
    /// Returns whether the listener serves inbound (1) or outbound (2) traffic, or neither.
    listener_direction: i64 = b"xds\0listener_direction";
    /// Returns the `id` of the proxy's node.
    node_id: HeaderValue = b"xds\0node\0id";
    /// Returns the connection's number.
    connection_id: u64 = b"connection\0id";
    /// Returns the TLS version; `None` for a connection in clear.
    tls_version: HeaderValue = b"connection\0tls_version";
    /// Returns the server name the client asked for by TLS.
    requested_server_name: HeaderValue = b"connection\0requested_server_name";
    /// Returns whether the client presented a certificate.
    is_mtls: bool = b"connection\0mtls";
    /// Returns the subject of the client's certificate.
    peer_certificate_subject: HeaderValue = b"connection\0subject_peer_certificate";
    /// Returns the first URI of the client's certificate, its SPIFFE id in a mesh.
    peer_certificate_uri: HeaderValue = b"connection\0uri_san_peer_certificate";
    /// Returns the first DNS name of the client's certificate.
    peer_certificate_dns: HeaderValue = b"connection\0dns_san_peer_certificate";
    /// Returns the SHA-256 digest of the client's certificate, in hexadecimal.
    peer_certificate_digest: HeaderValue = b"connection\0sha256_peer_certificate_digest";
    /// Returns the subject of the proxy's own certificate.
    local_certificate_subject: HeaderValue = b"connection\0subject_local_certificate";
    /// Returns the first URI of the proxy's own certificate.
    local_certificate_uri: HeaderValue = b"connection\0uri_san_local_certificate";
    /// Returns the first DNS name of the proxy's own certificate.
    local_certificate_dns: HeaderValue = b"connection\0dns_san_local_certificate";
    /// Returns why the proxy ended the connection, if it did.
    termination_details: HeaderValue = b"connection\0termination_details";
    /// Returns the address of the chosen endpoint.
    upstream_address: HeaderValue = b"upstream\0address";
    /// Returns the port of the chosen endpoint.
    upstream_port: u64 = b"upstream\0port";
    /// Returns the proxy's own address on the connection with the endpoint.
    upstream_local_address: HeaderValue = b"upstream\0local_address";
    /// Returns why the connection with the endpoint failed.
    upstream_failure: HeaderValue = b"upstream\0transport_failure_reason";
    /// Returns how often the request was sent.
    upstream_attempts: u64 = b"upstream\0request_attempt_count";
    /// Returns the TLS version of the connection with the endpoint.
    upstream_tls_version: HeaderValue = b"upstream\0tls_version";
    /// Returns the first URI of the endpoint's certificate.
    upstream_certificate_uri: HeaderValue = b"upstream\0uri_san_peer_certificate";
    /// Returns the response's status; known once its headers are on their way.
    response_code: u64 = b"response\0code";
    /// Returns why the response is what it is, such as `via_upstream`.
    response_code_details: HeaderValue = b"response\0code_details";
    /// Returns Envoy's response flags as a bit mask.
    response_flags: u64 = b"response\0flags";
    /// Returns the response's gRPC status.
    grpc_status: i64 = b"response\0grpc_status";
    /// Returns the response's headers with one entry for each name, values joined by commas.
    response_headers: Headers = b"response\0headers";
    /// Returns the size of the response's body, as sent so far.
    response_size: u64 = b"response\0size";
    /// Returns the size of the response with its headers, as sent so far.
    response_total_size: u64 = b"response\0total_size";
    /// Returns the time from the first byte sent to the upstream to the last one from it.
    backend_latency: Duration = b"response\0backend_latency";
    /// Returns the plugin's `name`.
    plugin_name: HeaderValue = b"plugin_name";
    /// Returns the plugin's `root_id`.
    plugin_root_id: HeaderValue = b"plugin_root_id";
    /// Returns the plugin's `vm_id`.
    plugin_vm_id: HeaderValue = b"plugin_vm_id";
}
