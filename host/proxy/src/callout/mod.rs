//! Requests that plugins send on their own account.

mod http;

pub(crate) use http::{CalloutError, HttpCallout, HttpCalloutResponse};
