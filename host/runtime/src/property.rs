//! `PropertyValue`: a property before it is encoded for the guest.

use tollgate_abi::{Status, pairs};

/// A property's value, with the types that Envoy's attributes have.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyValue {
    /// Text or bytes; encoded as they are.
    Bytes(Vec<u8>),
    /// Signed integer; 8 bytes little-endian.
    Int(i64),
    /// Unsigned integer; 8 bytes little-endian.
    Uint(u64),
    /// IEEE 754 double; 8 bytes little-endian.
    Double(f64),
    /// One byte, 0 or 1.
    Bool(bool),
    /// Nanoseconds since the Unix epoch; 8 bytes little-endian.
    Timestamp(i64),
    /// Nanoseconds; 8 bytes little-endian.
    Duration(i64),
    /// A serialized protobuf message.
    Message(Vec<u8>),
    /// Keys and values; encoded as a serialized map.
    Map(Vec<(Vec<u8>, Self)>),
    /// Elements; encoded as a serialized map with empty values.
    List(Vec<Self>),
    /// No value, which cannot be encoded.
    Null,
}

impl PropertyValue {
    /// Returns text as a value.
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Bytes(text.as_ref().as_bytes().to_vec())
    }

    /// Follows the rest of a path into maps and lists.
    ///
    /// # Errors
    ///
    /// `NotFound` for a missing key, an index out of range, or a path that goes on below a scalar.
    pub fn descend(self, path: &[&[u8]]) -> Result<Self, Status> {
        let Some((part, rest)) = path.split_first() else {
            return Ok(self);
        };
        let child = match self {
            Self::Map(entries) => entries
                .into_iter()
                .find(|(key, _)| key == part)
                .map(|(_, value)| value),
            Self::List(elements) => std::str::from_utf8(part)
                .ok()
                .and_then(|index| index.parse::<usize>().ok())
                .and_then(|index| elements.into_iter().nth(index)),
            Self::Bytes(_)
            | Self::Int(_)
            | Self::Uint(_)
            | Self::Double(_)
            | Self::Bool(_)
            | Self::Timestamp(_)
            | Self::Duration(_)
            | Self::Message(_)
            | Self::Null => None,
        };
        child.ok_or(Status::NotFound)?.descend(rest)
    }

    /// Encodes the value as `proxy_get_property` returns it.
    ///
    /// # Errors
    ///
    /// `SerializationFailure` for [`Null`](Self::Null), also inside a map or list.
    pub fn encode(&self) -> Result<Vec<u8>, Status> {
        Ok(match self {
            Self::Bytes(bytes) | Self::Message(bytes) => bytes.clone(),
            Self::Int(number) | Self::Timestamp(number) | Self::Duration(number) => {
                number.to_le_bytes().to_vec()
            }
            Self::Uint(number) => number.to_le_bytes().to_vec(),
            Self::Double(number) => number.to_le_bytes().to_vec(),
            Self::Bool(flag) => vec![u8::from(*flag)],
            Self::Map(entries) => {
                let encoded = entries
                    .iter()
                    .map(|(key, value)| Ok((key, value.encode()?)))
                    .collect::<Result<Vec<_>, Status>>()?;
                pairs::encode(
                    encoded
                        .iter()
                        .map(|(key, value)| (key.as_slice(), value.as_slice())),
                )
            }
            Self::List(elements) => {
                let encoded = elements
                    .iter()
                    .map(Self::encode)
                    .collect::<Result<Vec<_>, Status>>()?;
                pairs::encode(
                    encoded
                        .iter()
                        .map(|element| (element.as_slice(), b"".as_slice())),
                )
            }
            Self::Null => return Err(Status::SerializationFailure),
        })
    }
}
