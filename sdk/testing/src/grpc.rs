//! gRPC services: what a test's services are asked, and what they answer.

use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::GrpcStatus;

use crate::upstream::{Entries, find};

/// A step of a gRPC callout, as its service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrpcRequest {
    /// Full name of the service, such as `envoy.service.auth.v3.Authorization`.
    pub service: String,
    /// Name of the method.
    pub method: String,
    /// The caller's metadata.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// What has come.
    pub step: GrpcStep,
}

/// What has come of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrpcStep {
    /// A unary call with its message.
    Call(Vec<u8>),
    /// A stream was opened.
    Open,
    /// A message on an open stream.
    Message(Vec<u8>),
    /// The caller will send no more messages.
    End,
}

impl GrpcRequest {
    /// Returns the message that has come, if one has.
    #[must_use]
    pub fn message(&self) -> Option<&[u8]> {
        match &self.step {
            GrpcStep::Call(message) | GrpcStep::Message(message) => Some(message),
            GrpcStep::Open | GrpcStep::End => None,
        }
    }

    /// Returns the first value of the caller's metadata.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<String> {
        find(&self.metadata, name)
    }
}

/// What a service answers to a step: nothing, messages, the end.
///
/// ```
/// use tollgate_testing::{GrpcAnswer, GrpcStatus};
///
/// let unary = GrpcAnswer::message(b"reply");
/// let failed = GrpcAnswer::error(GrpcStatus::PermissionDenied, "not you");
/// let step_of_a_stream = GrpcAnswer::nothing().and_message(b"one").and_message(b"two");
/// let last_step = GrpcAnswer::nothing().end(GrpcStatus::Ok, "");
/// # let _ = (unary, failed, step_of_a_stream, last_step);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "return it from a service's handler"]
pub struct GrpcAnswer {
    pub(crate) initial_metadata: Entries,
    pub(crate) messages: Vec<Bytes>,
    pub(crate) trailing_metadata: Entries,
    pub(crate) end: Option<(u32, String)>,
    pub(crate) delay: Duration,
}

impl GrpcAnswer {
    /// Answers nothing: to a unary call never, to a stream not in this step.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Answers with a message, which ends a unary call well.
    pub fn message(message: impl AsRef<[u8]>) -> Self {
        Self::default().and_message(message)
    }

    /// Ends with a status other than `Ok`.
    pub fn error(status: GrpcStatus, message: &str) -> Self {
        Self::default().end(status, message)
    }

    /// Adds a message.
    pub fn and_message(mut self, message: impl AsRef<[u8]>) -> Self {
        self.messages.push(Bytes::copy_from_slice(message.as_ref()));
        self
    }

    /// Adds metadata before the messages; a unary call does not show it.
    pub fn initial_metadata(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.initial_metadata.push(entry(name, value));
        self
    }

    /// Adds metadata after the messages; a unary call does not show it.
    pub fn trailing_metadata(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailing_metadata.push(entry(name, value));
        self
    }

    /// Ends the stream after the messages.
    pub fn end(self, status: GrpcStatus, message: &str) -> Self {
        self.end_with(status.to_u32(), message)
    }

    /// Ends with a status by its number, which gRPC need not know.
    pub fn end_with(mut self, status: u32, message: &str) -> Self {
        self.end = Some((status, message.to_owned()));
        self
    }

    /// Lets this much of the test's time pass before the answer.
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// Decides what a method answers.
pub(crate) type GrpcHandler = Box<dyn Fn(&GrpcRequest) -> GrpcAnswer>;

fn entry(name: &str, value: impl AsRef<[u8]>) -> (Vec<u8>, Vec<u8>) {
    (
        name.to_ascii_lowercase().into_bytes(),
        value.as_ref().to_vec(),
    )
}
