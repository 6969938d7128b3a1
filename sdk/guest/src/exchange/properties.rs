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

    /// Returns an object of the filter state of the connection with the endpoint.
    ///
    /// # Errors
    ///
    /// When the host refuses the lookup; `ParseFailure` when the value is no `T`.
    pub fn upstream_filter_state<T: FromProperty>(&self, key: &str) -> Result<Option<T>, Error> {
        read(&tollgate_abi::property::join([
            "upstream_filter_state",
            key,
        ]))
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
    /// Returns the client's port. Absent for a pipe.
    remote_port: u64 = b"source\0port";
    /// Returns the listener's address with its port.
    local_address: HeaderValue = b"destination\0address";
    /// Returns the listener's port. Absent for a pipe.
    local_port: u64 = b"destination\0port";
    /// Returns the request's `x-request-id`, if it has one. Like all that comes from the request's
    /// headers it is present in the request's own handlers and in the log handler.
    request_id: HeaderValue = b"request\0id";
    /// Returns the request's path with its query. Present as its headers are; see
    /// [`request_id`](Self::request_id).
    request_path: HeaderValue = b"request\0path";
    /// Returns the request's method. Present as its headers are.
    request_method: HeaderValue = b"request\0method";
    /// Returns the request's host and port. Present as its headers are.
    request_host: HeaderValue = b"request\0host";
    /// Returns the request's `referer`, if it has one. Present as its headers are.
    referer: HeaderValue = b"request\0referer";
    /// Returns the request's `user-agent`, if it has one. Present as its headers are.
    user_agent: HeaderValue = b"request\0useragent";
    /// Returns the request's headers with one entry for each name, values joined by commas; empty when
    /// they are gone.
    request_headers: Headers = b"request\0headers";
    /// Returns how many bytes names and values of the request's headers have; 0 when they are gone.
    request_headers_size: u64 = b"request\0headers_bytes";
    /// Returns the protocol: `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`.
    protocol: HeaderValue = b"request\0protocol";
    /// Returns the path without its query. Present as the request's headers are.
    url_path: HeaderValue = b"request\0url_path";
    /// Returns the query, without the question mark; empty when there is none. Present as the request's
    /// headers are.
    query: HeaderValue = b"request\0query";
    /// Returns `http` or `https`. Present as the request's headers are.
    scheme: HeaderValue = b"request\0scheme";
    /// Returns when the request began.
    start_time: Timestamp = b"request\0time";
    /// Returns how long the exchange took. Present in the log handler.
    duration: Duration = b"request\0duration";
    /// Returns the size of the request's body: as announced, or as received so far. Absent when the
    /// announcement is no number.
    request_size: u64 = b"request\0size";
    /// Returns the size of the request with its headers, as received so far.
    request_total_size: u64 = b"request\0total_size";
    /// Returns the name of the selected route. Present once there is one.
    route_name: HeaderValue = b"xds\0route_name";
    /// Returns the metadata of the selected route: an `envoy.config.core.v3.Metadata`.
    route_metadata: HeaderValue = b"xds\0route_metadata";
    /// Returns the name of the selected cluster. Present once there is one.
    cluster_name: HeaderValue = b"xds\0cluster_name";
    /// Returns the metadata of the selected cluster: an `envoy.config.core.v3.Metadata`.
    cluster_metadata: HeaderValue = b"xds\0cluster_metadata";
    /// Returns the name of the selected virtual host. Present once there is one.
    virtual_host_name: HeaderValue = b"xds\0virtual_host_name";
    /// Returns the metadata of the virtual host: an `envoy.config.core.v3.Metadata`.
    virtual_host_metadata: HeaderValue = b"xds\0virtual_host_metadata";
    /// Returns the name of the filter chain; empty when it has none.
    filter_chain_name: HeaderValue = b"xds\0filter_chain_name";
    /// Returns whether the listener serves inbound (1) or outbound (2) traffic, or neither (0).
    listener_direction: i64 = b"xds\0listener_direction";
    /// Returns the metadata of the listener: an `envoy.config.core.v3.Metadata`.
    listener_metadata: HeaderValue = b"xds\0listener_metadata";
    /// Returns the proxy's node: an `envoy.config.core.v3.Node`.
    node: HeaderValue = b"xds\0node";
    /// Returns the `id` of the proxy's node.
    node_id: HeaderValue = b"xds\0node\0id";
    /// Returns the dynamic metadata: an `envoy.config.core.v3.Metadata`; see
    /// [`metadata`](Self::metadata).
    dynamic_metadata: HeaderValue = b"metadata";
    /// Returns the connection's number.
    connection_id: u64 = b"connection\0id";
    /// Returns the TLS version, such as `TLSv1.3`. Absent for a connection in clear.
    tls_version: HeaderValue = b"connection\0tls_version";
    /// Returns the server name the client asked for by TLS; empty when it asked for none.
    requested_server_name: HeaderValue = b"connection\0requested_server_name";
    /// Returns whether the client presented a certificate.
    is_mtls: bool = b"connection\0mtls";
    /// Returns the subject of the client's certificate. Absent without one.
    peer_certificate_subject: HeaderValue = b"connection\0subject_peer_certificate";
    /// Returns the first URI of the client's certificate, its SPIFFE id in a mesh. Absent without one.
    peer_certificate_uri: HeaderValue = b"connection\0uri_san_peer_certificate";
    /// Returns the first DNS name of the client's certificate. Absent without one.
    peer_certificate_dns: HeaderValue = b"connection\0dns_san_peer_certificate";
    /// Returns the SHA-256 digest of the client's certificate, in hexadecimal. Absent without one.
    peer_certificate_digest: HeaderValue = b"connection\0sha256_peer_certificate_digest";
    /// Returns the subject of the proxy's own certificate. Absent for a connection in clear.
    local_certificate_subject: HeaderValue = b"connection\0subject_local_certificate";
    /// Returns the first URI of the proxy's own certificate. Absent without one.
    local_certificate_uri: HeaderValue = b"connection\0uri_san_local_certificate";
    /// Returns the first DNS name of the proxy's own certificate. Absent without one.
    local_certificate_dns: HeaderValue = b"connection\0dns_san_local_certificate";
    /// Returns why the proxy ended the connection. Absent if it did not.
    termination_details: HeaderValue = b"connection\0termination_details";
    /// Returns why the client's transport failed, as a TLS handshake. Absent if it did not.
    connection_failure: HeaderValue = b"connection\0transport_failure_reason";
    /// Returns the address of the chosen endpoint. Present once one is chosen.
    upstream_address: HeaderValue = b"upstream\0address";
    /// Returns the port of the chosen endpoint. Present once one is chosen.
    upstream_port: u64 = b"upstream\0port";
    /// Returns the proxy's own address on the connection with the endpoint. Present once it is made.
    upstream_local_address: HeaderValue = b"upstream\0local_address";
    /// Returns where the endpoint is: an `envoy.config.core.v3.Locality`. Present once one is chosen.
    upstream_locality: HeaderValue = b"upstream\0locality";
    /// Returns the metadata of the endpoint: an `envoy.config.core.v3.Metadata`. Envoy answers
    /// `SerializationFailure` when it has none.
    upstream_host_metadata: HeaderValue = b"xds\0upstream_host_metadata";
    /// Returns the metadata of the endpoint's locality: an `envoy.config.core.v3.Metadata`. Envoy answers
    /// `SerializationFailure` when it has none.
    upstream_locality_metadata: HeaderValue = b"xds\0upstream_host_locality_metadata";
    /// Returns why the connection with the endpoint failed; empty if it did not.
    upstream_failure: HeaderValue = b"upstream\0transport_failure_reason";
    /// Returns how often the request was sent; 0 before.
    upstream_attempts: u64 = b"upstream\0request_attempt_count";
    /// Returns how long the request waited for a connection with the endpoint. Present afterwards.
    upstream_connect_time: Duration = b"upstream\0cx_pool_ready_duration";
    /// Returns how many endpoints the cluster has. Present once a cluster is selected.
    upstream_endpoints: u64 = b"upstream\0num_endpoints";
    /// Returns the TLS version of the connection with the endpoint. Absent for one in clear, as are all
    /// attributes of its certificates.
    upstream_tls_version: HeaderValue = b"upstream\0tls_version";
    /// Returns the subject of the endpoint's certificate.
    upstream_certificate_subject: HeaderValue = b"upstream\0subject_peer_certificate";
    /// Returns the first URI of the endpoint's certificate.
    upstream_certificate_uri: HeaderValue = b"upstream\0uri_san_peer_certificate";
    /// Returns the first DNS name of the endpoint's certificate.
    upstream_certificate_dns: HeaderValue = b"upstream\0dns_san_peer_certificate";
    /// Returns the SHA-256 digest of the endpoint's certificate, in hexadecimal.
    upstream_certificate_digest: HeaderValue = b"upstream\0sha256_peer_certificate_digest";
    /// Returns the subject of the certificate that the proxy shows to the endpoint.
    upstream_local_certificate_subject: HeaderValue = b"upstream\0subject_local_certificate";
    /// Returns the first URI of the certificate that the proxy shows to the endpoint.
    upstream_local_certificate_uri: HeaderValue = b"upstream\0uri_san_local_certificate";
    /// Returns the first DNS name of the certificate that the proxy shows to the endpoint.
    upstream_local_certificate_dns: HeaderValue = b"upstream\0dns_san_local_certificate";
    /// Returns the response's status. Present once its headers are on their way.
    response_code: u64 = b"response\0code";
    /// Returns why the response is what it is, such as `via_upstream`. Present with the status.
    response_code_details: HeaderValue = b"response\0code_details";
    /// Returns Envoy's response flags as a bit mask.
    response_flags: u64 = b"response\0flags";
    /// Returns the response's gRPC status, as told or as the HTTP status stands for. Present in the log
    /// handler.
    grpc_status: i64 = b"response\0grpc_status";
    /// Returns the response's headers with one entry for each name, values joined by commas; empty before
    /// they have come.
    response_headers: Headers = b"response\0headers";
    /// Returns how many bytes names and values of the response's headers have; 0 before they have come.
    response_headers_size: u64 = b"response\0headers_bytes";
    /// Returns the response's trailers with one entry for each name; empty before they have come.
    response_trailers: Headers = b"response\0trailers";
    /// Returns the size of the response's body, as sent so far.
    response_size: u64 = b"response\0size";
    /// Returns the size of the response with its headers, as sent so far.
    response_total_size: u64 = b"response\0total_size";
    /// Returns the time from the first byte sent to the upstream to the last one from it. Present when
    /// both were sent.
    backend_latency: Duration = b"response\0backend_latency";
    /// Returns the plugin's `name`.
    plugin_name: HeaderValue = b"plugin_name";
    /// Returns the plugin's `root_id`.
    plugin_root_id: HeaderValue = b"plugin_root_id";
    /// Returns the plugin's `vm_id`.
    plugin_vm_id: HeaderValue = b"plugin_vm_id";
}
