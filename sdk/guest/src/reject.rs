//! Reject: the answer a filter gives the client instead of passing the request on.

use tollgate_abi::GrpcStatus;

use crate::error::Error;
use crate::header::HeaderList;
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
pub struct Reject(Box<Parts>);

/// Behind a pointer, so that the result of a handler that passes the request on is small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    status: u16,
    grpc_status: Option<GrpcStatus>,
    headers: HeaderList,
    body: Vec<u8>,
    details: Vec<u8>,
}

impl Reject {
    /// Answers with a status and nothing else. A gRPC request gets the gRPC status that Envoy maps
    /// from it.
    pub fn new(status: u16) -> Self {
        Self(Box::new(Parts {
            status,
            grpc_status: None,
            headers: HeaderList::new(),
            body: Vec::new(),
            details: Vec::new(),
        }))
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.0.headers.push(name.as_ref(), value.as_ref());
        self
    }

    /// Sets the body; `text/plain` unless a `content-type` header says otherwise. A gRPC client
    /// reads it as `grpc-message`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.0.body = body.as_ref().to_vec();
        self
    }

    /// Sets the response code details that the access log prints; a word such as `missing_token`.
    pub fn details(mut self, details: impl AsRef<[u8]>) -> Self {
        self.0.details = details.as_ref().to_vec();
        self
    }

    /// Chooses the status a gRPC client sees.
    pub fn grpc_status(mut self, status: GrpcStatus) -> Self {
        self.0.grpc_status = Some(status);
        self
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Answers the client of the effective context's stream.
    pub(crate) fn send(&self) -> Result<(), Error> {
        let Parts {
            status,
            grpc_status,
            headers,
            body,
            details,
        } = &*self.0;
        sys::send_local_response(&LocalReply {
            status: u32::from(*status),
            details,
            body,
            headers: headers.as_bytes(),
            grpc_status: grpc_status.map_or(NO_GRPC_STATUS, GrpcStatus::to_u32),
        })
    }
}

/// A refused hostcall is the filter's or the host's mistake, so the client sees a 500.
impl From<Error> for Reject {
    fn from(error: Error) -> Self {
        error.warn();
        Self::new(500).details("filter_error")
    }
}

/// A service the filter depends on does not answer.
impl From<CalloutError> for Reject {
    fn from(error: CalloutError) -> Self {
        error.warn();
        Self::new(503).details("filter_callout_failed")
    }
}
