//! How an authentication filter tells later filters who the client is.

/// The property that holds the name of the authenticated consumer.
///
/// Properties cannot be set by a client, so a later filter may trust it. One part, no NUL: Envoy
/// reads such a path back with `get_property`.
pub const CONSUMER_PROPERTY: &str = "tollgate.consumer";
