//! The two ways to run a filter: as native code, or as the module that is shipped.

pub(crate) mod native;
#[cfg(feature = "wasm")]
pub(crate) mod wasm;

use std::rc::Rc;

use tollgate_abi::{DataAction, HeadersAction, NetworkAction, PeerType, TrailersAction};
use tollgate_runtime::{Direction, HttpCallResponse, ResolvedAddress, TcpPeer};

use crate::model::{Connection, GrpcDelivery, Stream};

/// Why a call into the filter did not complete.
pub(crate) type Fault = String;

/// Why a plugin does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StartFailure {
    /// It said no.
    Refused(String),
    /// It crashed, or is no module at all.
    Crashed(String),
}

/// A filter on one worker, which takes a proxy's events.
pub(crate) trait Engine: HttpEngine + TcpEngine {
    /// Starts the plugin.
    fn start(&self, configuration: &str) -> Result<(), StartFailure>;
    fn on_tick(&self) -> Result<(), Fault>;
    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault>;
    fn on_grpc(&self, token: u32, delivery: GrpcDelivery) -> Result<(), Fault>;
    fn on_resolve_dns(
        &self,
        token: u32,
        addresses: Option<&[ResolvedAddress]>,
    ) -> Result<(), Fault>;
    fn on_queue_ready(&self, token: u32) -> Result<(), Fault>;
    /// Asks the plugin to finish; whether it is gone.
    fn shut_down(&self) -> Result<bool, Fault>;
    /// How many streams and connections exist.
    fn streams(&self) -> usize;
    /// How many callouts the filter still awaits, if that can be known.
    fn awaited(&self) -> usize;
    /// How many instructions were executed, if they are counted.
    fn fuel(&self) -> Option<u64>;
}

/// The events of HTTP streams.
pub(crate) trait HttpEngine {
    fn create_stream(&self, stream: Rc<Stream>) -> u32;
    fn on_headers(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault>;
    fn on_body(
        &self,
        stream: u32,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault>;
    fn on_trailers(&self, stream: u32, direction: Direction) -> Result<TrailersAction, Fault>;
    /// Logs and deletes the stream.
    fn end_stream(&self, stream: u32) -> Result<(), Fault>;
    /// Logs a stream by the plugin's root, as access loggers do.
    fn log_stream(&self, stream: Rc<Stream>) -> Result<(), Fault>;
}

/// The events of TCP connections.
pub(crate) trait TcpEngine {
    fn create_connection(&self, connection: Rc<Connection>) -> u32;
    fn on_new_connection(&self, connection: u32) -> Result<NetworkAction, Fault>;
    fn on_data(
        &self,
        connection: u32,
        from: TcpPeer,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault>;
    fn on_close(&self, connection: u32, of: TcpPeer, by: PeerType) -> Result<(), Fault>;
    /// Logs and deletes the connection.
    fn end_connection(&self, connection: u32) -> Result<(), Fault>;
}
