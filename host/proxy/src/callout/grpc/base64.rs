//! Base64 as gRPC wants it for metadata that is not text: the standard alphabet, padded.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let digit = group >> (18 - 6 * position) & 63;
            let digit = usize::try_from(digit)
                .ok()
                .and_then(|digit| ALPHABET.get(digit));
            // Three bytes are four digits, two are three, one is two.
            let digit = digit.filter(|_| position <= chunk.len());
            out.push(digit.copied().unwrap_or(b'='));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn bytes_are_padded_to_groups_of_four_digits() {
        for (bytes, text) in [
            (b"".as_slice(), ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"\x00\x01", "AAE="),
            (b"\xfb\xff\xfe!", "+//+IQ=="),
        ] {
            assert_eq!(encode(bytes), text.as_bytes());
        }
    }
}
