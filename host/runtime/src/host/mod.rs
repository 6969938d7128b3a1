//! What an embedder implements: services for a VM, and the stream a plugin looks at.
//!
//! Every method takes `&self`: a VM, its hosts and its worker share one thread, so an embedder
//! keeps its state in cells. Nothing here may call back into the [`Vm`](crate::Vm); what a guest
//! asks for that could is delivered as an effect after the guest's callback has returned.

mod dns;
mod filter_state;
mod grpc;
mod http;
mod services;
mod tcp;

pub use dns::ResolvedAddress;
pub use filter_state::{LifeSpan, PropertyDeclaration, PropertyType};
pub use grpc::{GrpcCall, GrpcMethod, GrpcService, GrpcStream};
pub use http::{Direction, HeaderVisitor, HttpHost, LocalResponse, StreamMap};
pub use services::{CalloutRefusal, HostServices, HttpCall, HttpCallResponse, LogOrigin};
pub use tcp::{TcpHost, TcpPeer};

use crate::property::PropertyValue;
use tollgate_abi::Status;

/// The answer to a property lookup; the error is what the guest is told.
pub type PropertyResult = Result<PropertyValue, Status>;

/// Name and value of a header, in the order the guest gave them or will see them.
pub type Header = (bytes::Bytes, bytes::Bytes);
