//! Requests that plugins send on their own account.

mod exchange;
mod grpc;
mod http;
mod router;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use grpc::{GrpcCallout, GrpcCalloutError, GrpcEvent, SendQueue};
pub(crate) use http::{CalloutError, Header, HttpCallout, HttpCalloutResponse};
