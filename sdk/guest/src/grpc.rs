//! gRPC callouts, unary and streaming. Needs the cargo feature `grpc`; messages of the `prost`
//! crate need `prost`.
//!
//! ```
//! use std::time::Duration;
//! use tollgate::grpc::{self, GrpcError};
//!
//! async fn check(message: &[u8]) -> Result<Vec<u8>, GrpcError> {
//!     let answer = grpc::call("authorizer", "auth.v1.Authorizer", "Check")
//!         .metadata("x-tenant", "blue")
//!         .message(message)
//!         .timeout(Duration::from_millis(200))
//!         .send()
//!         .await?;
//!     Ok(answer.into_bytes())
//! }
//! ```

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tollgate_abi::limits::MAX_CALLOUT_TIMEOUT_MS;
use tollgate_abi::{GrpcStatus, Status};

use crate::driver::grpc::{self as driver, Closed, Progress};
use crate::error::Error;
use crate::header::{HeaderList, HeaderValue, Headers};
use crate::reject::Reject;
use crate::sys::{self, GrpcCallArguments};

/// Starts a callout to a method of a service, such as `("auth", "auth.v1.Authorizer", "Check")`.
/// The cluster must speak HTTP/2. Instead of its name, Envoy takes a serialized
/// `envoy.config.core.v3.GrpcService`.
pub fn call(
    cluster: impl AsRef<[u8]>,
    service: impl Into<String>,
    method: impl Into<String>,
) -> GrpcRequest {
    GrpcRequest {
        cluster: cluster.as_ref().to_vec(),
        service: service.into(),
        method: method.into(),
        metadata: HeaderList::new(),
        message: Vec::new(),
        timeout: DEFAULT_TIMEOUT,
    }
}

/// A callout without a timeout could hold a request for ever.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// A callout, until [`send`](Self::send) or [`open`](Self::open).
#[derive(Clone, Debug)]
#[must_use = "a callout is made by `send().await` or `open()`"]
pub struct GrpcRequest {
    cluster: Vec<u8>,
    service: String,
    method: String,
    metadata: HeaderList,
    message: Vec<u8>,
    timeout: Duration,
}

impl GrpcRequest {
    /// Adds metadata. The host encodes values of names that end in `-bin`.
    pub fn metadata(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.metadata.push(name.as_ref(), value.as_ref());
        self
    }

    /// Sets the serialized message of a unary call; empty if it is not set.
    pub fn message(mut self, message: impl AsRef<[u8]>) -> Self {
        self.message = message.as_ref().to_vec();
        self
    }

    /// Sets the time until the answer of a unary call must be there; 5 seconds if it is not set.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes a unary call. Dropping the future takes it back.
    pub const fn send(self) -> GrpcCall {
        GrpcCall(State::Unsent(self))
    }

    /// Opens a stream. Dropping it resets it. Nothing limits its time but what you put around it,
    /// such as [`task::timeout`](crate::task::timeout).
    ///
    /// # Errors
    ///
    /// When the host cannot open it.
    pub fn open(self) -> Result<GrpcStream, GrpcError> {
        let token = driver::dispatch(|| sys::grpc_stream(&self.arguments()));
        let token = token.map_err(|error| self.refused(error))?;
        Ok(GrpcStream { token })
    }

    fn arguments(&self) -> GrpcCallArguments<'_> {
        let millis = self
            .timeout
            .as_millis()
            .clamp(1, u128::from(MAX_CALLOUT_TIMEOUT_MS - 1));
        GrpcCallArguments {
            upstream: &self.cluster,
            service: self.service.as_bytes(),
            method: self.method.as_bytes(),
            metadata: self.metadata.as_bytes(),
            message: &self.message,
            timeout_ms: u32::try_from(millis).unwrap_or(MAX_CALLOUT_TIMEOUT_MS - 1),
        }
    }

    fn refused(&self, error: Error) -> GrpcError {
        let cluster = || String::from_utf8_lossy(&self.cluster).into_owned();
        match error.status() {
            Some(Status::ParseFailure) => GrpcError::UnknownCluster(cluster()),
            Some(Status::InternalFailure) => GrpcError::Unavailable(cluster()),
            _ => GrpcError::Refused(error),
        }
    }
}

/// A unary call as a future: sent when first polled, taken back when dropped.
#[derive(Debug)]
#[must_use = "a callout is sent when it is awaited"]
pub struct GrpcCall(State);

#[derive(Debug)]
enum State {
    Unsent(GrpcRequest),
    Sent(u32),
    Done,
}

impl Future for GrpcCall {
    type Output = Result<HeaderValue, GrpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Unsent(request) = &self.0 {
            match driver::dispatch(|| sys::grpc_call(&request.arguments())) {
                Ok(token) => self.0 = State::Sent(token),
                Err(error) => {
                    let error = request.refused(error);
                    self.0 = State::Done;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let State::Sent(token) = self.0 else {
            // Polled after it was ready: there is nothing left to wait for.
            return Poll::Ready(Err(GrpcError::from_status(GrpcStatus::Cancelled.to_u32())));
        };
        let outcome = match driver::next(token, cx.waker()) {
            Progress::Waiting => return Poll::Pending,
            Progress::Message(message) => Ok(message),
            Progress::Closed(closed) => Err(closed.into()),
        };
        driver::finish(token);
        self.0 = State::Done;
        Poll::Ready(outcome)
    }
}

impl Drop for GrpcCall {
    fn drop(&mut self) {
        if let State::Sent(token) = self.0 {
            driver::forget(token, false);
        }
    }
}

/// An open stream.
#[derive(Debug)]
pub struct GrpcStream {
    token: u32,
}

impl GrpcStream {
    /// Sends a serialized message.
    ///
    /// # Errors
    ///
    /// When the stream is gone.
    pub fn send(&mut self, message: impl AsRef<[u8]>) -> Result<(), GrpcError> {
        sys::grpc_send(self.token, message.as_ref(), false).map_err(GrpcError::Refused)
    }

    /// Sends a message and says that no more follow.
    ///
    /// # Errors
    ///
    /// When the stream is gone.
    pub fn send_last(&mut self, message: impl AsRef<[u8]>) -> Result<(), GrpcError> {
        sys::grpc_send(self.token, message.as_ref(), true).map_err(GrpcError::Refused)
    }

    /// Says that no more messages follow. The other side may still send some.
    ///
    /// # Errors
    ///
    /// When the stream is gone.
    pub fn finish(&mut self) -> Result<(), GrpcError> {
        sys::grpc_close(self.token).map_err(GrpcError::Refused)
    }

    /// Awaits the next message; `None` when the other side has ended the stream well.
    ///
    /// # Errors
    ///
    /// With the status, when the stream has ended otherwise.
    pub async fn message(&mut self) -> Result<Option<HeaderValue>, GrpcError> {
        let progress = poll_fn(|cx| match driver::next(self.token, cx.waker()) {
            Progress::Waiting => Poll::Pending,
            progress => Poll::Ready(progress),
        });
        match progress.await {
            Progress::Message(message) => Ok(Some(message)),
            Progress::Closed(closed) if closed.status == 0 => Ok(None),
            Progress::Closed(closed) => Err(closed.into()),
            Progress::Waiting => Ok(None),
        }
    }

    /// Awaits the metadata that comes before the first message.
    ///
    /// # Errors
    ///
    /// With the status, when the stream has ended without.
    pub async fn initial_metadata(&mut self) -> Result<Headers, GrpcError> {
        let metadata = poll_fn(|cx| match driver::initial(self.token, cx.waker()) {
            Some(metadata) => Poll::Ready(metadata),
            None => Poll::Pending,
        });
        metadata.await.map_err(GrpcError::from)
    }

    /// Returns the metadata that came with the end, once that is there.
    #[must_use]
    pub fn trailing_metadata(&self) -> Option<Headers> {
        driver::trailing(self.token)
    }
}

impl Drop for GrpcStream {
    fn drop(&mut self) {
        driver::forget(self.token, true);
    }
}

/// Messages of the `prost` crate.
#[cfg(feature = "prost")]
impl GrpcRequest {
    /// Makes a unary call with a message.
    ///
    /// # Errors
    ///
    /// As the call; [`GrpcError::Malformed`] when the answer is no `A`.
    pub async fn ask<Q: prost::Message, A: prost::Message + Default>(
        self,
        question: &Q,
    ) -> Result<A, GrpcError> {
        let answer = self.message(question.encode_to_vec()).send().await?;
        A::decode(answer.as_bytes()).map_err(|_| GrpcError::Malformed)
    }
}

/// Messages of the `prost` crate.
#[cfg(feature = "prost")]
impl GrpcStream {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// When the stream is gone.
    pub fn tell<Q: prost::Message>(&mut self, message: &Q) -> Result<(), GrpcError> {
        self.send(message.encode_to_vec())
    }

    /// Awaits the next message; `None` at the end.
    ///
    /// # Errors
    ///
    /// As [`message`](Self::message); [`GrpcError::Malformed`] when it is no `A`.
    pub async fn hear<A: prost::Message + Default>(&mut self) -> Result<Option<A>, GrpcError> {
        let message = self.message().await?;
        let message = message.map(|message| A::decode(message.as_bytes()));
        message.transpose().map_err(|_| GrpcError::Malformed)
    }
}

/// Why a gRPC callout has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrpcError {
    /// The host's configuration has no cluster of this name.
    UnknownCluster(String),
    /// The cluster has no endpoint that can be asked now.
    Unavailable(String),
    /// The service, or the host in its place, answered with a status other than `Ok`.
    Status {
        /// The number of the status, one of [`GrpcStatus`] or not.
        code: u32,
        /// What the service says about it.
        message: HeaderValue,
    },
    /// The answer is no message of the type that was asked for.
    Malformed,
    /// The host refused the call for another reason.
    Refused(Error),
}

impl GrpcError {
    fn from_status(code: u32) -> Self {
        Self::Status {
            code,
            message: HeaderValue::default(),
        }
    }

    /// Returns the status that the service answered, if it did and if it is one that gRPC knows.
    #[must_use]
    pub fn status(&self) -> Option<GrpcStatus> {
        match self {
            Self::Status { code, .. } => GrpcStatus::try_from(*code).ok(),
            _ => None,
        }
    }
}

impl From<Closed> for GrpcError {
    fn from(Closed { status, message }: Closed) -> Self {
        Self::Status {
            code: status,
            message,
        }
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCluster(cluster) => write!(f, "gRPC callout: no cluster {cluster:?}"),
            Self::Unavailable(cluster) => {
                write!(f, "gRPC callout: cluster {cluster:?} is unavailable")
            }
            Self::Status { code, message } => {
                write!(f, "gRPC callout: status {code}, {message:?}")
            }
            Self::Malformed => f.write_str("gRPC callout: the answer is malformed"),
            Self::Refused(error) => write!(f, "gRPC callout: {error}"),
        }
    }
}

impl std::error::Error for GrpcError {}

/// A service the filter depends on does not answer.
impl From<GrpcError> for Reject {
    fn from(error: GrpcError) -> Self {
        crate::log::warn!("{error}");
        Self::new(503).details("filter_callout_failed")
    }
}

/// A plugin that needs the service to start cannot.
impl From<GrpcError> for crate::ConfigError {
    fn from(error: GrpcError) -> Self {
        Self::new(error.to_string())
    }
}

/// A TCP filter that needs the service closes the connection.
impl From<GrpcError> for crate::Close {
    fn from(error: GrpcError) -> Self {
        crate::log::warn!("{error}");
        Self::new()
    }
}
