//! The origin as a gRPC server: messages in frames, and a status behind them.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::answer::Answer;
use super::body::Body;

/// A message as gRPC puts it on the wire, uncompressed.
#[must_use]
pub fn grpc_frame(message: &str) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).expect("a message of a test is short"));
    frame.extend_from_slice(message.as_bytes());
    frame.freeze()
}

impl Body {
    /// Sends a message of gRPC.
    #[must_use]
    pub fn grpc_message(self, message: &str) -> Self {
        self.chunk(grpc_frame(message))
    }

    /// Ends a response of gRPC.
    #[must_use]
    pub fn grpc_status(self, status: &str, message: &str) -> Self {
        self.trailers(&[("grpc-status", status), ("grpc-message", message)])
    }
}

impl Answer {
    /// A response of gRPC; its body comes from [`Body::grpc_message`] and [`Body::grpc_status`].
    #[must_use]
    pub fn grpc(body: Body) -> Self {
        Self::stream(body).header("content-type", "application/grpc")
    }

    /// A response of gRPC whose headers are its trailers.
    #[must_use]
    pub fn grpc_trailers_only(status: &str, message: &str) -> Self {
        Self::grpc(Body::empty())
            .header("grpc-status", status)
            .header("grpc-message", message)
    }
}
