//! Reject: the answer a filter gives the client instead of passing the request on.

use tollgate_abi::{GrpcStatus, pairs};

use crate::error::Error;
use crate::http::CalloutError;
use crate::sys::{self, LocalReply, NO_GRPC_STATUS};

/// A local response. A handler returns it as its error, so `?` ends the request.
///
/// ```
/// use tollgate::Reject;
///
/// let reject = Reject::new(401)
///     .header("www-authenticate", "Bearer realm=\"api\"")
///     .body("a token is required\n")
///     .details("missing_token");
/// assert_eq!(reject.status(), 401);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a rejection does something only when it is returned"]
pub struct Reject {
    status: u16,
    grpc_status: Option<GrpcStatus>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    details: Vec<u8>,
}

impl Reject {
    /// Answers with a status and nothing else. A gRPC request gets the gRPC status that Envoy maps
    /// from it.
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            grpc_status: None,
            headers: Vec::new(),
            body: Vec::new(),
            details: Vec::new(),
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body; `text/plain` unless a `content-type` header says otherwise. A gRPC client
    /// reads it as `grpc-message`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sets the response code details that the access log prints; a word such as `missing_token`.
    pub fn details(mut self, details: impl AsRef<[u8]>) -> Self {
        self.details = details.as_ref().to_vec();
        self
    }

    /// Chooses the status a gRPC client sees.
    pub const fn grpc_status(mut self, status: GrpcStatus) -> Self {
        self.grpc_status = Some(status);
        self
    }

    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Answers the client of the effective context's stream.
    pub(crate) fn send(&self) -> Result<(), Error> {
        let headers = match self.headers.as_slice() {
            [] => Vec::new(),
            headers => pairs::encode(headers.iter().map(|(name, value)| (name, value))),
        };
        sys::send_local_response(&LocalReply {
            status: u32::from(self.status),
            details: &self.details,
            body: &self.body,
            headers: &headers,
            grpc_status: self.grpc_status.map_or(NO_GRPC_STATUS, GrpcStatus::to_u32),
        })
    }
}

/// A refused hostcall is the filter's or the host's mistake, so the client sees a 500.
impl From<Error> for Reject {
    fn from(error: Error) -> Self {
        crate::log::warn!("{error}");
        Self::new(500).details("filter_error")
    }
}

/// A service the filter depends on does not answer.
impl From<CalloutError> for Reject {
    fn from(error: CalloutError) -> Self {
        crate::log::warn!("{error}");
        Self::new(503).details("filter_callout_failed")
    }
}
