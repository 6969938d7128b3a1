//! Base64 as protobuf's JSON takes it: either alphabet, padding optional.

/// Returns `None` for text that is not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        bits <<= 6 * (4 - group.len());
        let [_, first, second, third] = bits.to_be_bytes();
        bytes.extend([first, second, third].into_iter().take(group.len() - 1));
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn both_alphabets_and_missing_padding_are_read() {
        assert_eq!(decode(""), Some(Vec::new()));
        assert_eq!(decode("AGFzbQ=="), Some(b"\0asm".to_vec()));
        assert_eq!(decode("AGFzbQ"), Some(b"\0asm".to_vec()));
        assert_eq!(decode("+/8="), decode("-_8"));
    }

    #[test]
    fn other_text_is_refused() {
        assert_eq!(decode("A"), None);
        assert_eq!(decode("AA*A"), None);
        assert_eq!(decode("AA==="), None);
    }
}
