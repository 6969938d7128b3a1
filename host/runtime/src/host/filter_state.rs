//! Filter state: values that the plugins of a stream or connection share by name.

use bytes::Bytes;

/// How long a value lives, and who sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LifeSpan {
    /// As long as the stream's filter chain.
    #[default]
    FilterChain,
    /// As long as the request, internal redirects included.
    Request,
    /// As long as the client's connection: later streams on it see the value too.
    Connection,
}

/// What the bytes of a declared property are, which decides how they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PropertyType {
    /// Bytes.
    #[default]
    Bytes,
    /// Text.
    String,
    /// A flat buffer of the declared schema.
    FlatBuffers,
    /// A serialized protobuf message whose type URL is the declared schema.
    Protobuf,
}

/// How a plugin has declared a property that it sets. The default is what an undeclared one gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyDeclaration {
    /// Whether the first value is the last.
    pub read_only: bool,
    /// What the value is.
    pub kind: PropertyType,
    /// Type URL or binary schema, as `kind` needs it.
    pub schema: Bytes,
    /// How long the value lives.
    pub life_span: LifeSpan,
}
