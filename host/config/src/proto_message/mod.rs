//! `ProtoMessage`: a message that plugins look into, such as metadata or the node.
//!
//! A path is followed as Envoy's expression language follows it: a `Struct` is a map, a `Value` is
//! what it holds, an unset field has its default.

mod convert;
mod find;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage};

use crate::schema;
use crate::view::View;

/// Most parts of a path; no message that can be read goes deeper.
const MAX_PARTS: usize = 100;

/// A message as it was configured. The default is one of unknown type that holds nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProtoMessage {
    message: Option<Arc<DynamicMessage>>,
    bytes: Bytes,
}

/// A value within a message.
#[derive(Clone, Debug, PartialEq)]
pub enum ProtoValue {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer, or the number of an enum's value.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A number.
    Double(f64),
    /// Text or bytes.
    Bytes(Bytes),
    /// Nanoseconds since the Unix epoch.
    Timestamp(i64),
    /// Nanoseconds.
    Duration(i64),
    /// A serialized message.
    Message(Bytes),
    /// Keys and values, in the order of the keys.
    Map(Vec<(Vec<u8>, Self)>),
    /// Elements.
    List(Vec<Self>),
}

/// Why a path leads to no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtoPathError {
    /// There is nothing of that name or at that index.
    NotFound,
    /// It leads to an `Any` whose content cannot be read.
    Unreadable,
}

impl fmt::Display for ProtoPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "there is nothing of that name",
            Self::Unreadable => "an `Any` of a type that is not known",
        })
    }
}

impl std::error::Error for ProtoPathError {}

impl ProtoMessage {
    /// Returns the message in a field, with its type even when it is not set.
    pub(crate) fn in_field(view: &View<'_>, field: &str) -> Self {
        let descriptor = view.message().descriptor();
        let kind = descriptor
            .get_field_by_name(field)
            .map(|field| field.kind());
        match (
            view.child(field),
            kind.as_ref().and_then(|kind| kind.as_message()),
        ) {
            (Some(child), _) => Self::new(child.message().clone()),
            (None, Some(kind)) => Self::new(DynamicMessage::new(kind.clone())),
            (None, None) => Self::default(),
        }
    }

    pub(crate) fn new(message: DynamicMessage) -> Self {
        Self {
            bytes: message.encode_to_vec().into(),
            message: Some(Arc::new(message)),
        }
    }

    /// Reads the bytes of a message by its type URL, whatever stands before its last slash. `None`
    /// when the type is not among Envoy's or the bytes are none of it.
    #[must_use]
    pub fn decode(type_url: &str, bytes: &[u8]) -> Option<Self> {
        let name = type_url.rsplit('/').next().unwrap_or(type_url);
        let descriptor = schema::descriptor(name).ok()?;
        let message = DynamicMessage::decode(descriptor, bytes).ok()?;
        Some(Self::new(message))
    }

    /// Returns the message as it is serialized.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns what a path leads to; an empty one leads to the message itself.
    ///
    /// # Errors
    ///
    /// When it leads nowhere.
    pub fn find(&self, path: &[&[u8]]) -> Result<ProtoValue, ProtoPathError> {
        if path.len() > MAX_PARTS {
            return Err(ProtoPathError::NotFound);
        }
        match (&self.message, path) {
            (_, []) => Ok(ProtoValue::Message(self.bytes.clone())),
            (Some(message), path) => find::in_message(message, path),
            (None, _) => Err(ProtoPathError::NotFound),
        }
    }
}
