//! HTTP: from a connection to streams, and one stream from top to bottom.

pub(crate) mod access_log;
pub(crate) mod format;
pub(crate) mod header_mutation;
pub(crate) mod local_response;
pub(crate) mod response_flags;
