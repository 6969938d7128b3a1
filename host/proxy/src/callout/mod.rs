//! Requests that plugins send on their own account.

mod http;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use http::{CalloutError, HttpCallout, HttpCalloutResponse};
