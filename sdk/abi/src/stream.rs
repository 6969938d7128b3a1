//! Stream and peer types: which side of a stream a call or an event means.

use crate::numbered::numbered;

numbered! {
    /// One direction of an HTTP or TCP stream.
    pub enum StreamType {
        /// The HTTP request.
        HttpRequest = 0,
        /// The HTTP response.
        HttpResponse = 1,
        /// The TCP connection with the client.
        Downstream = 2,
        /// The TCP connection with the upstream.
        Upstream = 3,
    }
}

numbered! {
    /// Who closed a TCP connection.
    pub enum PeerType {
        /// Not known.
        Unknown = 0,
        /// The proxy.
        Local = 1,
        /// The other end.
        Remote = 2,
    }
}
