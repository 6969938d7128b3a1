//! gRPC callouts as an embedder sees them: where to, and what.

use std::time::Duration;

use bytes::Bytes;

use super::Header;

/// Where a gRPC callout goes: what a guest says with Envoy's `GrpcService`, or with the bare name
/// of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcService {
    /// Name of the cluster.
    pub cluster: String,
    /// Value of `:authority`; empty for the cluster's name.
    pub authority: String,
    /// Metadata sent with every call, before the call's own.
    pub initial_metadata: Vec<Header>,
    /// Most bytes of a message that may be received.
    pub max_receive_message_length: Option<u32>,
    /// Whether headers that the proxy adds on its own account are left out.
    pub skip_envoy_headers: bool,
}

/// A gRPC method to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcMethod {
    /// Full name of the service, without slashes around it.
    pub service: String,
    /// Name of the method.
    pub method: String,
    /// Metadata of the guest; names are in lower case, values are as the guest gave them.
    pub metadata: Vec<Header>,
}

/// A unary gRPC call that a plugin makes.
#[derive(Clone, Debug)]
pub struct GrpcCall {
    /// Where to.
    pub service: GrpcService,
    /// What is called.
    pub method: GrpcMethod,
    /// The message, without gRPC's prefix.
    pub message: Bytes,
    /// Time until the call must have ended; zero waits for ever, and is told to the upstream.
    pub timeout: Duration,
}

/// A gRPC stream that a plugin opens.
#[derive(Clone, Debug)]
pub struct GrpcStream {
    /// Where to.
    pub service: GrpcService,
    /// What is called.
    pub method: GrpcMethod,
}
