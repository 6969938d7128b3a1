//! Requests that plugins send on their own account.

mod exchange;
mod http;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use http::{CalloutError, Header, HttpCallout, HttpCalloutResponse};
