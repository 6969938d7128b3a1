//! The wire form of header maps, both directions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_abi::{limits, pairs};

fuzz_target!(|bytes: &[u8]| {
    decoded_maps_encode_to_the_same_bytes(bytes);
    encoded_maps_decode_to_the_same_pairs(bytes);
});

fn decoded_maps_encode_to_the_same_bytes(bytes: &[u8]) {
    let Ok(decoded) = pairs::decode(bytes) else {
        return;
    };
    assert!(decoded.len() <= limits::MAX_PAIRS);
    let walked: Result<Vec<_>, _> = pairs::iter(bytes)
        .expect("what decodes can be walked")
        .collect();
    assert_eq!(walked.as_ref(), Ok(&decoded));
    if bytes.len() < 4 {
        assert!(decoded.is_empty());
        return;
    }
    let encoded = pairs::encode(decoded.iter().copied());
    assert_eq!(encoded, bytes);
}

/// Cuts the input into keys and values at every `,` and encodes them.
fn encoded_maps_decode_to_the_same_pairs(bytes: &[u8]) {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b',').collect();
    let entries: Vec<_> = parts
        .chunks(2)
        .map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default()))
        .collect();
    let encoded = pairs::encode(entries.iter().copied());
    assert_eq!(encoded.len(), pairs::encoded_len(entries.iter().copied()));
    match pairs::decode(&encoded) {
        Ok(decoded) => assert_eq!(decoded, entries),
        Err(pairs::DecodeError::TooManyPairs) => assert!(entries.len() > limits::MAX_PAIRS),
        Err(pairs::DecodeError::TooLarge) => assert!(encoded.len() > limits::MAX_PAIRS_BYTES),
        Err(error) => panic!("{error}"),
    }
}
