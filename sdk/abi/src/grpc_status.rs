//! `GrpcStatus`: the canonical codes, and the mapping from HTTP that Envoy and gRPC share.

use crate::numbered::numbered;

numbered! {
    /// A canonical gRPC status code.
    pub enum GrpcStatus {
        /// Success.
        Ok = 0,
        /// Cancelled by the caller.
        Cancelled = 1,
        /// Not classified.
        Unknown = 2,
        /// The request is malformed.
        InvalidArgument = 3,
        /// The deadline passed.
        DeadlineExceeded = 4,
        /// The entity does not exist.
        NotFound = 5,
        /// The entity exists already.
        AlreadyExists = 6,
        /// The caller may not do this.
        PermissionDenied = 7,
        /// A quota is used up.
        ResourceExhausted = 8,
        /// The system is not in the state required.
        FailedPrecondition = 9,
        /// Aborted, typically by a conflict.
        Aborted = 10,
        /// Outside the valid range.
        OutOfRange = 11,
        /// The method does not exist.
        Unimplemented = 12,
        /// An invariant broke.
        Internal = 13,
        /// The service cannot be reached now.
        Unavailable = 14,
        /// Data is lost.
        DataLoss = 15,
        /// The caller is not known.
        Unauthenticated = 16,
    }
}

impl GrpcStatus {
    /// Returns the code for an HTTP status without `grpc-status` (gRPC's
    /// `http-grpc-status-mapping.md`, as Envoy applies it to local responses).
    #[must_use]
    pub const fn from_http(status: u16) -> Self {
        match status {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}
