//! gRPC's frames: a byte of flags, four of length, the message.

use bytes::{Buf, Bytes, BytesMut};
use tollgate_abi::GrpcStatus;

const PREFIX: usize = 5;

/// Frames a message, uncompressed.
pub(super) fn encode(message: &[u8]) -> Bytes {
    // A message comes out of a guest's memory, which is smaller than 4 GiB.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(PREFIX + message.len());
    frame.push(0);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// Puts messages together from pieces of a body.
#[derive(Debug)]
pub(super) struct Decoder {
    pending: BytesMut,
    max_message_bytes: usize,
}

impl Decoder {
    pub(super) fn new(max_message_bytes: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            max_message_bytes,
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.pending.extend_from_slice(data);
    }

    /// Returns the next message that is whole, or the status to end with.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, GrpcStatus> {
        let Some([flags, length @ ..]) = self.pending.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if *flags > 1 || (*flags == 1 && length > 0) {
            return Err(GrpcStatus::Internal);
        }
        if length > self.max_message_bytes {
            return Err(GrpcStatus::ResourceExhausted);
        }
        if self.pending.len() - PREFIX < length {
            return Ok(None);
        }
        self.pending.advance(PREFIX);
        Ok(Some(self.pending.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, encode};
    use tollgate_abi::GrpcStatus;

    #[test]
    fn messages_are_found_wherever_the_pieces_end() {
        let bytes = [encode(b"one"), encode(b""), encode(b"three")].concat();
        for size in 1..=bytes.len() {
            assert_eq!(
                messages(&bytes, size),
                ["one", "", "three"],
                "in pieces of {size}"
            );
        }
    }

    fn messages(bytes: &[u8], size: usize) -> Vec<bytes::Bytes> {
        let mut decoder = Decoder::new(5);
        let mut messages = Vec::new();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            messages.extend(std::iter::from_fn(|| decoder.next().unwrap()));
        }
        messages
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_the_message_comes() {
        let mut decoder = Decoder::new(4);
        decoder.push(&[0, 0, 0, 0, 5]);
        assert_eq!(decoder.next(), Err(GrpcStatus::ResourceExhausted));
        let mut decoder = Decoder::new(4);
        decoder.push(&[0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.next(), Err(GrpcStatus::ResourceExhausted));
    }

    #[test]
    fn compressed_messages_are_refused_because_none_were_agreed_on() {
        for prefix in [[1, 0, 0, 0, 1], [2, 0, 0, 0, 0]] {
            let mut decoder = Decoder::new(4);
            decoder.push(&prefix);
            assert_eq!(decoder.next(), Err(GrpcStatus::Internal));
        }
        let mut decoder = Decoder::new(4);
        decoder.push(&[1, 0, 0, 0, 0]);
        assert_eq!(decoder.next(), Ok(Some(bytes::Bytes::new())));
    }
}
