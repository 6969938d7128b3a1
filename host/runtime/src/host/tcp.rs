//! `TcpHost`: the TCP connection that a plugin's context looks at.

use std::ops::Range;

use tollgate_abi::Status;

use super::{LifeSpan, PropertyDeclaration, PropertyResult};

/// One end of a proxied TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpPeer {
    /// The client: data that it sends.
    Downstream,
    /// The upstream: data on its way to the client.
    Upstream,
}

/// One TCP connection as one plugin sees it: the data it may touch, properties, and the effects a
/// plugin can have.
///
/// The runtime decides when data may be touched (Envoy's rules of availability); an
/// implementation only holds it. Data that a callback has stopped is kept and seen again, with
/// what has arrived since, by the next one.
pub trait TcpHost {
    /// Returns the size of the data from this end that the plugin may see now.
    fn data_len(&self, from: TcpPeer) -> usize;

    /// Appends bytes of that data to `out`. The range lies within [`data_len`](Self::data_len).
    fn data_read(&self, from: TcpPeer, range: Range<usize>, out: &mut Vec<u8>);

    /// Replaces a range of that data; an empty range at either end inserts.
    fn data_replace(&self, from: TcpPeer, range: Range<usize>, data: &[u8]);

    /// Looks up a property of the connection by its path. What the runtime answers by itself does
    /// not arrive here: `plugin_*` names, and what is read from header maps, which TCP has not.
    ///
    /// # Errors
    ///
    /// The status to give the guest: `NotFound` for an unknown path or one that has no value now,
    /// `SerializationFailure` for a namespace.
    fn property(&self, path: &[&[u8]]) -> PropertyResult;

    /// Stores a value under the filter-state key `wasm.<path>`.
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

    /// Effect: passes on a connection or client data that this plugin has stopped, without another
    /// callback for it. What is not stopped stays as it is.
    fn continue_downstream(&self);

    /// Effect: closes the connection with the client once what was written to it is sent. `asked`
    /// is the end that the guest named; Envoy closes the same connection for both.
    fn close(&self, asked: TcpPeer);
}
