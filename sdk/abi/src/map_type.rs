//! `MapType`: which header map a hostcall means.

use crate::numbered::numbered;

numbered! {
    /// A header or trailer map of a stream or of a callout.
    pub enum MapType {
        /// The request's headers, pseudo-headers first.
        HttpRequestHeaders = 0,
        /// The request's trailers.
        HttpRequestTrailers = 1,
        /// The response's headers, `:status` first.
        HttpResponseHeaders = 2,
        /// The response's trailers.
        HttpResponseTrailers = 3,
        /// Initial metadata of a gRPC stream, in its callback only.
        GrpcReceiveInitialMetadata = 4,
        /// Trailing metadata of a gRPC stream, in its callback only.
        GrpcReceiveTrailingMetadata = 5,
        /// Headers of an HTTP callout's response, in its callback only.
        HttpCallResponseHeaders = 6,
        /// Trailers of an HTTP callout's response, in its callback only.
        HttpCallResponseTrailers = 7,
    }
}
