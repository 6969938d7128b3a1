//! HTTP: from a connection to streams, and one stream from top to bottom.

pub(crate) mod access_log;
mod active_stream;
mod closing;
mod codec;
mod connection_manager;
mod deadlines;
pub(crate) mod format;
mod head_check;
mod head_facts;
pub(crate) mod header_mutation;
pub(crate) mod local_response;
mod manager;
pub(crate) mod normalize;
mod request_body;
mod request_head;
mod response_body;
pub(crate) mod response_flags;
mod response_head;
mod router;
mod stream_end;
pub(crate) mod stream_logger;
mod upgrade;

pub(crate) use connection_manager::serve;
pub(crate) use manager::Manager;
