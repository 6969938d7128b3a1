//! Contexts: what the host knows of each context of a VM.

mod access;
mod declarations;
mod grpc;
mod http;
mod root;
mod table;
mod tcp;

pub(crate) use access::{Access, MapState};
pub(crate) use declarations::Declarations;
pub(crate) use grpc::{GrpcCallouts, GrpcEvent, GrpcKind};
pub(crate) use http::HttpContext;
pub(crate) use root::{CalloutStatus, RootContext, RootImage};
pub(crate) use table::{Context, ContextTable};
pub(crate) use tcp::TcpContext;
