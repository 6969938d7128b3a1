//! The wire form of header maps: `u32 n`, `n` size pairs, then every key and value with a NUL.
//!
//! All numbers are little-endian and nothing is padded. Both directions are total: an encoder that
//! cannot fail and a decoder that refuses what Envoy's strict parser refuses.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::{MAX_PAIRS, MAX_PAIRS_BYTES};

/// A name and its value, borrowed from a serialized map.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Why bytes are not a serialized map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Larger than [`MAX_PAIRS_BYTES`].
    TooLarge,
    /// More than [`MAX_PAIRS`] pairs.
    TooManyPairs,
    /// The data ends before what the sizes promise.
    Truncated,
    /// A key or value is not followed by NUL.
    MissingTerminator,
    /// Bytes follow the last pair.
    TrailingBytes,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the map is larger than 1 MiB",
            Self::TooManyPairs => "the map has more than 1024 pairs",
            Self::Truncated => "the map ends early",
            Self::MissingTerminator => "a key or value lacks its NUL",
            Self::TrailingBytes => "bytes follow the last pair",
        })
    }
}

impl core::error::Error for DecodeError {}

/// Returns the number of bytes [`encode`] will write.
pub fn encoded_len<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> usize {
    pairs.into_iter().fold(4, |len, (key, value)| {
        len + 8 + key.as_ref().len() + 1 + value.as_ref().len() + 1
    })
}

/// Serializes pairs in their order. No pairs give `00000000`.
pub fn encode<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (K, V), IntoIter: Clone>,
) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(pairs, &mut out);
    out
}

/// Serializes pairs at the end of `out`, so that a caller can keep one buffer.
pub fn encode_into<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (K, V), IntoIter: Clone>,
    out: &mut Vec<u8>,
) {
    let pairs = pairs.into_iter();
    out.reserve(encoded_len(pairs.clone()));
    out.extend_from_slice(&size(pairs.clone().count()));
    for (key, value) in pairs.clone() {
        out.extend_from_slice(&size(key.as_ref().len()));
        out.extend_from_slice(&size(value.as_ref().len()));
    }
    for (key, value) in pairs {
        out.extend_from_slice(key.as_ref());
        out.push(0);
        out.extend_from_slice(value.as_ref());
        out.push(0);
    }
}

/// A size as it is written. Nothing near 4 GiB fits a 32-bit guest, so saturating loses nothing.
fn size(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads a map a guest sent, by Envoy's rules and limits.
///
/// Envoy treats every error as an empty map; the host does the same and logs why.
///
/// # Errors
///
/// When the bytes are not exactly one serialized map within the limits. Fewer than four bytes are
/// an empty map, not an error.
pub fn decode(bytes: &[u8]) -> Result<Vec<Pair<'_>>, DecodeError> {
    if bytes.len() > MAX_PAIRS_BYTES {
        return Err(DecodeError::TooLarge);
    }
    match split_sizes(bytes)? {
        Some(parts) if parts.count > MAX_PAIRS => Err(DecodeError::TooManyPairs),
        _ => iter(bytes)?.collect(),
    }
}

/// Reads a map of any size pair by pair, without allocating; the guest's way to walk headers.
///
/// # Errors
///
/// When the data is too short for the number of pairs it promises. The iterator reports what is
/// wrong further on, once, and then ends.
pub fn iter(bytes: &[u8]) -> Result<Iter<'_>, DecodeError> {
    Ok(match split_sizes(bytes)? {
        Some(Parts { sizes, data, .. }) => Iter {
            sizes,
            data,
            ended: false,
        },
        None => Iter {
            sizes: &[],
            data: &[],
            ended: false,
        },
    })
}

/// The parts of a serialized map.
struct Parts<'a> {
    count: usize,
    sizes: &'a [u8],
    data: &'a [u8],
}

/// Splits a map into its parts; `None` for one that is shorter than a count.
fn split_sizes(bytes: &[u8]) -> Result<Option<Parts<'_>>, DecodeError> {
    let Some((count, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let count =
        usize::try_from(u32::from_le_bytes(*count)).map_err(|_| DecodeError::TooManyPairs)?;
    let table = count.checked_mul(8).ok_or(DecodeError::TooManyPairs)?;
    let (sizes, data) = rest.split_at_checked(table).ok_or({
        if count > MAX_PAIRS {
            DecodeError::TooManyPairs
        } else {
            DecodeError::Truncated
        }
    })?;
    Ok(Some(Parts { count, sizes, data }))
}

/// The pairs of a serialized map, borrowed from it.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    sizes: &'a [u8],
    data: &'a [u8],
    ended: bool,
}

impl<'a> Iter<'a> {
    fn take_size(&mut self) -> Option<usize> {
        let (size, rest) = self.sizes.split_first_chunk::<4>()?;
        self.sizes = rest;
        usize::try_from(u32::from_le_bytes(*size)).ok()
    }

    fn take_bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self
            .data
            .split_at_checked(len)
            .ok_or(DecodeError::Truncated)?;
        let (terminator, rest) = rest.split_first().ok_or(DecodeError::Truncated)?;
        if *terminator != 0 {
            return Err(DecodeError::MissingTerminator);
        }
        self.data = rest;
        Ok(bytes)
    }

    fn take_pair(&mut self, key: usize, value: usize) -> Result<Pair<'a>, DecodeError> {
        Ok((self.take_bytes(key)?, self.take_bytes(value)?))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Pair<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (Some(key), Some(value)) = (self.take_size(), self.take_size()) else {
            self.ended = true;
            return (!self.data.is_empty()).then_some(Err(DecodeError::TrailingBytes));
        };
        let pair = self.take_pair(key, value);
        self.ended = pair.is_err();
        Some(pair)
    }
}

#[cfg(test)]
#[path = "pairs_tests.rs"]
mod tests;
