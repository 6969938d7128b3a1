//! Property paths, and the values they lead to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_abi::property;
use tollgate_fuzz::Source;
use tollgate_runtime::PropertyValue;

fuzz_target!(|bytes: &[u8]| {
    let parts: Vec<&[u8]> = property::split(bytes).collect();
    assert!(parts.iter().all(|part| !part.contains(&0)));
    let joined = property::join(&parts);
    let trimmed = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    assert_eq!(joined, trimmed);

    let source = Source::new(bytes);
    let value = value(&source, 0);
    let encoded = value.encode();
    if let (Ok(encoded), PropertyValue::Map(entries)) = (&encoded, &value) {
        let decoded: Vec<_> = tollgate_abi::pairs::iter(encoded)
            .expect("a map has its sizes")
            .map(|pair| pair.expect("a map is well formed").0)
            .collect();
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.as_slice()).collect();
        assert_eq!(decoded, keys);
    }
    let rest = source.rest();
    let path: Vec<&[u8]> = property::split(&rest).collect();
    if let Ok(found) = value.descend(&path) {
        let _ = found.encode();
    }
});

/// A value of any kind, not deeper than attributes are.
fn value(source: &Source, depth: usize) -> PropertyValue {
    let kinds = if depth < 4 { 11 } else { 9 };
    match source.below(kinds) {
        0 => PropertyValue::Bytes(source.some_bytes()),
        1 => PropertyValue::Int(source.long().cast_signed()),
        2 => PropertyValue::Uint(source.long()),
        3 => PropertyValue::Double(f64::from_bits(source.long())),
        4 => PropertyValue::Bool(source.flag()),
        5 => PropertyValue::Timestamp(source.long().cast_signed()),
        6 => PropertyValue::Duration(source.long().cast_signed()),
        7 => PropertyValue::Message(source.some_bytes()),
        8 => PropertyValue::Null,
        9 => {
            let entries = 0..source.below(4);
            PropertyValue::Map(
                entries
                    .map(|_| (source.some_bytes(), value(source, depth + 1)))
                    .collect(),
            )
        }
        _ => {
            let elements = 0..source.below(4);
            PropertyValue::List(elements.map(|_| value(source, depth + 1)).collect())
        }
    }
}
