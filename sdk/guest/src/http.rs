//! HTTP callouts: requests that a filter sends to a cluster and awaits.
//!
//! ```
//! use std::time::Duration;
//! use tollgate::http;
//!
//! async fn is_allowed(user: &str) -> Result<bool, http::CalloutError> {
//!     let response = http::post("authorizer", "/check")
//!         .authority("authorizer.internal")
//!         .header("x-user", user)
//!         .timeout(Duration::from_millis(200))
//!         .send()
//!         .await?;
//!     Ok(response.status() == 200)
//! }
//! ```

use std::fmt;
use std::time::Duration;

use tollgate_abi::limits::MAX_CALLOUT_TIMEOUT_MS;
use tollgate_abi::{LogLevel, Status};

pub use crate::driver::calls::Callout;
use crate::error::Error;
use crate::header::{HeaderList, HeaderValue, Headers};
use crate::log;
use crate::panic::Line;
use crate::sys::{self, HttpCallArguments};

/// Starts a GET request to `path` of a cluster.
pub fn get(cluster: impl Into<String>, path: impl AsRef<[u8]>) -> CalloutRequest {
    request("GET", cluster, path)
}

/// Starts a POST request to `path` of a cluster.
pub fn post(cluster: impl Into<String>, path: impl AsRef<[u8]>) -> CalloutRequest {
    request("POST", cluster, path)
}

/// Starts a request with any method.
pub fn request(
    method: impl AsRef<[u8]>,
    cluster: impl Into<String>,
    path: impl AsRef<[u8]>,
) -> CalloutRequest {
    let cluster = cluster.into();
    let headers = HeaderList::of([
        (b":method", method.as_ref()),
        (b":path", path.as_ref()),
        (AUTHORITY, cluster.as_bytes()),
    ]);
    CalloutRequest {
        cluster,
        headers,
        body: Vec::new(),
        timeout: DEFAULT_TIMEOUT,
    }
}

const AUTHORITY: &[u8] = b":authority";

/// A callout without a timeout could hold a request for ever.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A request to a cluster, until [`send`](Self::send).
#[derive(Clone, Debug)]
#[must_use = "a callout is made by `send().await`"]
pub struct CalloutRequest {
    cluster: String,
    headers: HeaderList,
    body: Vec<u8>,
    timeout: Duration,
}

impl CalloutRequest {
    /// Sets the authority; the cluster's name if it is not set.
    pub fn authority(mut self, authority: impl AsRef<[u8]>) -> Self {
        self.headers.replace(AUTHORITY, authority.as_ref());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name.as_ref(), value.as_ref());
        self
    }

    /// Sets the body; the host sets `content-length`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sets the time until the response must be complete; 5 seconds if it is not set. Afterwards
    /// the response is the host's own 504.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the request. Await the response in a handler: the stream pauses meanwhile. Dropping
    /// the future forgets the callout.
    pub fn send(self) -> Callout {
        Callout::new(self)
    }

    /// Makes the hostcall and returns its token.
    pub(crate) fn dispatch(&self) -> Result<u32, CalloutError> {
        // 0 would mean no timeout, and too large a number is refused.
        let millis = self.timeout.as_secs().saturating_mul(1000);
        let millis = millis.saturating_add(u64::from(self.timeout.subsec_millis()));
        let millis = millis.clamp(1, u64::from(MAX_CALLOUT_TIMEOUT_MS - 1));
        sys::http_call(&HttpCallArguments {
            upstream: self.cluster.as_bytes(),
            headers: self.headers.as_bytes(),
            body: &self.body,
            timeout_ms: u32::try_from(millis).unwrap_or(MAX_CALLOUT_TIMEOUT_MS - 1),
        })
        .map_err(|error| match error.status() {
            // The pseudo-headers and the timeout are right by construction.
            Some(Status::BadArgument) => CalloutError::UnknownCluster(self.cluster.clone()),
            Some(Status::InternalFailure) => CalloutError::Unavailable(self.cluster.clone()),
            _ => CalloutError::Refused(error),
        })
    }
}

/// The response to a callout. A host's own answers are responses as well: 504 after the timeout,
/// 503 when no connection could be made.
#[derive(Clone, Debug, Default)]
pub struct CalloutResponse {
    pub(crate) headers: Headers,
    pub(crate) body: HeaderValue,
    pub(crate) trailers: Headers,
}

impl CalloutResponse {
    /// Returns the status, or 0 if the host gave none that is a number.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self
            .headers
            .get(":status")
            .and_then(|status| str::from_utf8(status).ok());
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Returns the first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// Returns all headers, `:status` first.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }

    /// Returns the trailers.
    #[must_use]
    pub const fn trailers(&self) -> &Headers {
        &self.trailers
    }
}

/// Why a callout has no response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CalloutError {
    /// The host's configuration has no cluster of this name.
    UnknownCluster(String),
    /// The cluster has no endpoint that can be asked now.
    Unavailable(String),
    /// The upstream broke off, or sent more than the host takes.
    Reset,
    /// The host refused the call for another reason.
    Refused(Error),
}

impl CalloutError {
    /// Logs what is displayed, without the formatter.
    #[cold]
    pub(crate) fn warn(&self) {
        let mut line = Line::new();
        line.push(b"callout: ");
        match self {
            Self::UnknownCluster(cluster) => {
                line.push(b"no cluster \"");
                line.push(cluster.as_bytes());
                line.push(b"\"");
            }
            Self::Unavailable(cluster) => {
                line.push(b"cluster \"");
                line.push(cluster.as_bytes());
                line.push(b"\" is unavailable");
            }
            Self::Reset => line.push(b"the response broke off"),
            Self::Refused(error) => error.write(&mut line),
        }
        log::write_bytes(LogLevel::Warn, line.as_bytes());
    }
}

impl fmt::Display for CalloutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCluster(cluster) => write!(f, "callout: no cluster {cluster:?}"),
            Self::Unavailable(cluster) => write!(f, "callout: cluster {cluster:?} is unavailable"),
            Self::Reset => f.write_str("callout: the response broke off"),
            Self::Refused(error) => write!(f, "callout: {error}"),
        }
    }
}

impl std::error::Error for CalloutError {}
