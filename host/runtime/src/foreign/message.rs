//! Messages: the few protobuf messages of foreign functions, read and written field by field.

use std::collections::HashMap;

use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{self, DecodeContext, WireType};

use crate::hostcalls::Refusal;

/// A message's fields by number; of a repeated one the last counts, as in protobuf.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    numbers: HashMap<u32, u64>,
    texts: HashMap<u32, &'a [u8]>,
}

impl<'a> Message<'a> {
    /// Reads a message, or refuses it as a bad argument.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        Self::decode(bytes).map_err(|error| {
            Refusal::with(
                tollgate_abi::Status::BadArgument,
                format!("the arguments are not the protobuf message they have to be: {error}"),
            )
        })
    }

    fn decode(mut bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        while bytes.has_remaining() {
            let (tag, wire_type) = encoding::decode_key(&mut bytes)?;
            match wire_type {
                WireType::Varint => {
                    let number = encoding::decode_varint(&mut bytes)?;
                    message.numbers.insert(tag, number);
                }
                WireType::LengthDelimited => {
                    let mut copy = bytes;
                    let size = encoding::decode_varint(&mut copy)?;
                    let start = copy;
                    encoding::skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
                    let text = usize::try_from(size)
                        .ok()
                        .and_then(|size| start.get(..size));
                    message.texts.insert(tag, text.unwrap_or_default());
                }
                WireType::StartGroup
                | WireType::EndGroup
                | WireType::ThirtyTwoBit
                | WireType::SixtyFourBit => {
                    encoding::skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
                }
            }
        }
        Ok(message)
    }

    /// Returns a field of type `bytes`; one that is not set is empty.
    pub(super) fn bytes(&self, tag: u32) -> &'a [u8] {
        self.texts.get(&tag).copied().unwrap_or_default()
    }

    /// Returns a field of type `string`, which must be UTF-8.
    pub(super) fn string(&self, tag: u32) -> Result<&'a str, Refusal> {
        std::str::from_utf8(self.bytes(tag))
            .map_err(|_| Refusal::bad_argument("a text of the arguments is not UTF-8"))
    }

    /// Returns a field of type `bool` or an enum's number; one that is not set is 0.
    pub(super) fn number(&self, tag: u32) -> u64 {
        self.numbers.get(&tag).copied().unwrap_or_default()
    }
}

/// Appends a field of type `bytes` or `string`, unless it is empty.
pub(super) fn write_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        encoding::encode_key(tag, WireType::LengthDelimited, out);
        encoding::encode_varint(bytes.len().try_into().unwrap_or(u64::MAX), out);
        out.extend_from_slice(bytes);
    }
}

/// Appends a field of type `bool`, unless it is false.
pub(super) fn write_flag(tag: u32, flag: bool, out: &mut Vec<u8>) {
    if flag {
        encoding::encode_key(tag, WireType::Varint, out);
        encoding::encode_varint(1, out);
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, write_bytes, write_flag};

    #[test]
    fn the_last_field_of_a_number_counts_and_others_are_passed_by() {
        let bytes = [
            0x08, 0x01, 0x08, 0x02, // 1: 1, then 2
            0x12, 0x02, b'h', b'i', // 2: "hi"
            0x1d, 1, 2, 3, 4, // 3: fixed32
            0x23, 0x28, 0x01, 0x24, // 4: group with a field 5
        ];
        let message = Message::read(&bytes).unwrap();
        assert_eq!(message.number(1), 2);
        assert_eq!(message.bytes(2), b"hi");
        assert_eq!((message.number(2), message.bytes(1)), (0, b"".as_slice()));
    }

    #[test]
    fn broken_messages_are_refused() {
        for bytes in [
            b"\x12\x09hi".as_slice(),
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x08",
            b"\x00\x01",
            b"\x24",
            b"\x0f\x01",
            &[0x23; 500],
        ] {
            assert!(Message::read(bytes).is_err(), "{bytes:?}");
        }
        assert!(Message::read(b"\x0a\x01\xff").unwrap().string(1).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = Vec::new();
        write_flag(1, true, &mut out);
        write_flag(3, false, &mut out);
        write_bytes(2, b"text", &mut out);
        write_bytes(4, b"", &mut out);
        assert_eq!(out, b"\x08\x01\x12\x04text");
    }
}
