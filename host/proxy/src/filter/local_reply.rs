//! `LocalReply`: an answer that the proxy or a plugin gives instead of the upstream.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use tollgate_abi::GrpcStatus;

use crate::http::response_flags::ResponseFlags;

/// What is known before the rules of gRPC, HEAD and content types make a response of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalReply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Headers to append; names are lower case.
    pub(crate) headers: Vec<(Bytes, Bytes)>,
    /// Body; empty means none.
    pub(crate) body: Bytes,
    /// Response code details for the access log.
    pub(crate) details: Cow<'static, str>,
    /// Response flags for the access log.
    pub(crate) flags: ResponseFlags,
    /// gRPC status for gRPC requests; `None` maps the HTTP status.
    pub(crate) grpc_status: Option<GrpcStatus>,
}

impl LocalReply {
    /// Returns a reply with text and details, and nothing else.
    #[must_use]
    pub(crate) fn new(
        status: StatusCode,
        body: impl Into<Bytes>,
        details: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            details: details.into(),
            flags: ResponseFlags::default(),
            grpc_status: None,
        }
    }

    /// Adds response flags.
    #[must_use]
    pub(crate) fn with_flags(mut self, flags: ResponseFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<Bytes>) -> Self {
        self.headers
            .push((Bytes::from_static(name.as_bytes()), value.into()));
        self
    }
}
