//! `HttpHost`: the HTTP stream that a plugin's context looks at.

use std::ops::Range;

use bytes::Bytes;
use tollgate_abi::{GrpcStatus, Status};

use super::{Header, LifeSpan, PropertyDeclaration, PropertyResult};

/// One half of an HTTP exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

/// The header maps that belong to a stream, as opposed to a callout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamMap {
    /// Request headers with pseudo-headers.
    RequestHeaders,
    /// Request trailers.
    RequestTrailers,
    /// Response headers with `:status`.
    ResponseHeaders,
    /// Response trailers.
    ResponseTrailers,
}

/// A response that a plugin sends instead of what the upstream would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse {
    /// HTTP status as the guest gave it; the embedder answers 500 for one HTTP does not allow.
    pub status: u32,
    /// Response code details for the access log; whitespace is already replaced by `_`.
    pub details: String,
    /// Body; empty means no body.
    pub body: Bytes,
    /// Headers to append after `:status`; names are lower case, pseudo-headers are left out.
    pub headers: Vec<Header>,
    /// gRPC status for a gRPC request, if the guest chose one.
    pub grpc_status: Option<GrpcStatus>,
}

/// Takes the name and value of each entry of a map.
pub type HeaderVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]);

/// One HTTP stream as one plugin sees it: raw access to maps, bodies and properties, and the
/// effects a plugin can have.
///
/// The runtime decides when a map or body may be touched (Envoy's rules of availability); an
/// implementation only holds the data. Names arrive in lower case. Maps behave as in Envoy:
/// pseudo-headers first, `host` is an alias of `:authority` in requests, adding to a header that
/// can occur once joins with a comma.
pub trait HttpHost {
    /// Returns whether the map exists. An absent trailer map may be made by a write.
    fn has_map(&self, map: StreamMap) -> bool;

    /// Returns the number of entries, pseudo-headers included.
    fn map_len(&self, map: StreamMap) -> usize;

    /// Returns the sum of the lengths of all names and values.
    fn map_byte_size(&self, map: StreamMap) -> usize;

    /// Appends the first value of `name` to `out`; `false` when there is none.
    fn map_value(&self, map: StreamMap, name: &[u8], out: &mut Vec<u8>) -> bool;

    /// Calls `visit` with every entry in order. It may be called twice in a row: once to measure,
    /// once to write.
    fn map_entries(&self, map: StreamMap, visit: HeaderVisitor<'_>);

    /// Adds an entry.
    fn map_add(&self, map: StreamMap, name: &[u8], value: &[u8]);

    /// Removes every entry of that name and adds one.
    fn map_replace(&self, map: StreamMap, name: &[u8], value: &[u8]);

    /// Removes every entry of that name.
    fn map_remove(&self, map: StreamMap, name: &[u8]);

    /// Removes all entries, then adds these.
    fn map_set(&self, map: StreamMap, entries: &[(&[u8], &[u8])]);

    /// Returns the size of the part of the body this plugin may see now.
    fn body_len(&self, direction: Direction) -> usize;

    /// Appends bytes of that part to `out`. The range lies within [`body_len`](Self::body_len).
    fn body_read(&self, direction: Direction, range: Range<usize>, out: &mut Vec<u8>);

    /// Replaces a range of that part; an empty range at either end inserts.
    fn body_replace(&self, direction: Direction, range: Range<usize>, data: &[u8]);

    /// Looks up a property of the stream by its path, `plugin_*` names excepted: those are
    /// answered by the runtime.
    ///
    /// # Errors
    ///
    /// The status to give the guest: `NotFound` for an unknown path or one that has no value now,
    /// `SerializationFailure` for a namespace.
    fn property(&self, path: &[&[u8]]) -> PropertyResult;

    /// Stores a value under the filter-state key `wasm.<path>`. The declaration counts when the
    /// property is made; one that exists stays as it was declared.
    ///
    /// # Errors
    ///
    /// `BadArgument` when the property is read-only and set already.
    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        declaration: &PropertyDeclaration,
    ) -> Result<(), Status>;

    /// Stores a value under a filter-state key that the embedder knows, such as the cluster that a
    /// TCP proxy is to use. By default no key is known.
    ///
    /// # Errors
    ///
    /// `NotFound` for a key that is not known, `BadArgument` for a value that its key does not
    /// allow.
    fn set_filter_state(
        &self,
        _key: &[u8],
        _value: &[u8],
        _life_span: LifeSpan,
    ) -> Result<(), Status> {
        Err(Status::NotFound)
    }

    /// Forgets the selected route, so that the next use selects again. The runtime calls it after
    /// all request headers were replaced.
    fn clear_route_cache(&self);

    /// A request header was added, replaced or removed; its name is in lower case. A host that knows
    /// that no route depends on it may keep the selected one.
    fn request_header_changed(&self, name: &[u8]) {
        let _ = name;
        self.clear_route_cache();
    }

    /// Effect: goes on with a paused direction. A direction that is not paused stays as it is.
    fn continue_stream(&self, direction: Direction);

    /// Effect: resets the stream.
    fn close_stream(&self);

    /// Effect: answers the client. The first call for a stream wins.
    fn send_local_response(&self, response: LocalResponse);
}
