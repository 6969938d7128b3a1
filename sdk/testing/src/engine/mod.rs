//! The two ways to run a filter: as native code, or as the module that is shipped.

pub(crate) mod native;
pub(crate) mod wasm;

use std::rc::Rc;

use tollgate_abi::{DataAction, HeadersAction, TrailersAction};
use tollgate_runtime::{Direction, HttpCallResponse};

use crate::model::Stream;

/// Why a call into the filter did not complete.
pub(crate) type Fault = String;

/// A filter that takes a proxy's events.
pub(crate) trait Engine {
    /// Starts the plugin.
    fn start(&self, configuration: &str) -> Result<(), Fault>;
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
    fn on_tick(&self) -> Result<(), Fault>;
    fn on_http_call_response(&self, token: u32, response: HttpCallResponse) -> Result<(), Fault>;
    /// The value of a counter or gauge, or the number of values a histogram recorded.
    fn metric(&self, name: &str) -> Option<u64>;
    /// How many streams exist.
    fn streams(&self) -> usize;
}
