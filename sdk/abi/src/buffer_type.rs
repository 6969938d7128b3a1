//! `BufferType`: which byte buffer a hostcall means.

use crate::numbered::numbered;

numbered! {
    /// A buffer of a stream, of a callout or of the configuration.
    pub enum BufferType {
        /// The request body that the filter may see now.
        HttpRequestBody = 0,
        /// The response body that the filter may see now.
        HttpResponseBody = 1,
        /// Bytes from the client of a TCP connection.
        DownstreamData = 2,
        /// Bytes from the upstream of a TCP connection.
        UpstreamData = 3,
        /// The body of an HTTP callout's response, in its callback only.
        HttpCallResponseBody = 4,
        /// The message of a gRPC callout, in its callback only.
        GrpcReceiveBuffer = 5,
        /// The VM's configuration; readable at any time.
        VmConfiguration = 6,
        /// The plugin's configuration; readable while it is being configured.
        PluginConfiguration = 7,
        /// Arguments of a foreign-function callback.
        CallData = 8,
    }
}
