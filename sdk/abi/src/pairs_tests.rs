use super::{DecodeError, decode, encode, encoded_len, iter};
use alloc::vec;
use alloc::vec::Vec;

const TWO: &[u8] = &[
    2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'a', 0, b'b', 0, b'c', b'c', 0, 0,
];

#[test]
fn two_pairs_are_written_byte_for_byte_as_envoy_writes_them() {
    let pairs = [("a", "b"), ("cc", "")];
    assert_eq!(encode(pairs), TWO);
    assert_eq!(encoded_len(pairs), TWO.len());
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(
        decode(TWO),
        Ok(vec![(b"a".as_slice(), b"b".as_slice()), (b"cc", b"")])
    );
    assert_eq!(
        decode(&encode([("", "")])),
        Ok(vec![(b"".as_slice(), b"".as_slice())])
    );
}

#[test]
fn no_count_and_a_zero_count_are_empty_maps() {
    assert_eq!(decode(b""), Ok(vec![]));
    assert_eq!(decode(&[1, 0, 0]), Ok(vec![]));
    assert_eq!(decode(&[0, 0, 0, 0]), Ok(vec![]));
}

#[test]
fn every_truncation_is_refused() {
    for len in 4..TWO.len() {
        assert!(decode(&TWO[..len]).is_err(), "{len} bytes were accepted");
    }
}

#[test]
fn a_missing_terminator_and_a_byte_too_many_are_refused() {
    let mut unterminated = TWO.to_vec();
    unterminated[21] = b'x';
    assert_eq!(decode(&unterminated), Err(DecodeError::MissingTerminator));
    let mut longer = TWO.to_vec();
    longer.push(0);
    assert_eq!(decode(&longer), Err(DecodeError::TrailingBytes));
}

#[test]
fn the_limits_are_1024_pairs_and_one_mebibyte() {
    let many = |count: usize| encode(vec![("k", "v"); count]);
    assert_eq!(decode(&many(1024)).map(|pairs| pairs.len()), Ok(1024));
    assert_eq!(decode(&many(1025)), Err(DecodeError::TooManyPairs));
    assert_eq!(
        decode(&vec![0; 1024 * 1024 + 1]),
        Err(DecodeError::TooLarge)
    );
}

#[test]
fn a_count_that_no_table_can_hold_is_refused() {
    assert_eq!(
        decode(&[0xff, 0xff, 0xff, 0xff]),
        Err(DecodeError::TooManyPairs)
    );
}

#[test]
fn the_iterator_reports_an_error_once_and_ends() {
    let items: Vec<_> = iter(&TWO[..23]).unwrap().collect();
    assert_eq!(items.last(), Some(&Err(DecodeError::Truncated)));
    assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
}
