//! XXH64 with seed 0, by which Envoy shows a version as a number.

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// Hashes bytes.
#[must_use]
pub(crate) fn xxh64(bytes: &[u8]) -> u64 {
    let [first, second, third, fourth, fifth] = PRIMES;
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        fifth
    } else {
        let mut lanes = [first.wrapping_add(second), second, 0, first.wrapping_neg()];
        for stripe in stripes {
            let (words, _) = stripe.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]);
        let start = turned.fold(0_u64, |sum, (lane, bits)| {
            sum.wrapping_add(lane.rotate_left(bits))
        });
        lanes.iter().fold(start, |hash, lane| {
            let hash = hash ^ round(0, *lane);
            hash.wrapping_mul(first).wrapping_add(fourth)
        })
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash
            .rotate_left(27)
            .wrapping_mul(first)
            .wrapping_add(fourth);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(first);
        hash = hash
            .rotate_left(23)
            .wrapping_mul(second)
            .wrapping_add(third);
    }
    for byte in rest {
        hash ^= u64::from(*byte).wrapping_mul(fifth);
        hash = hash.rotate_left(11).wrapping_mul(first);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(second);
    hash = (hash ^ (hash >> 29)).wrapping_mul(third);
    hash ^ (hash >> 32)
}

fn round(lane: u64, word: u64) -> u64 {
    let [first, second, ..] = PRIMES;
    let lane = lane.wrapping_add(word.wrapping_mul(second));
    lane.rotate_left(31).wrapping_mul(first)
}

#[cfg(test)]
mod tests {
    use super::xxh64;

    #[test]
    fn versions_have_the_numbers_that_envoy_shows() {
        for (version, number) in [
            ("", 17_241_709_254_077_376_921),
            ("one", 3_907_720_005_676_474_870),
            ("two", 14_112_499_267_108_357_259),
            ("uno", 18_389_579_136_191_652_414),
            (
                "2024-01-01T00:00:00.000000Z-abcdefghijklmnop-0123456789",
                1_209_613_557_444_668_488,
            ),
        ] {
            assert_eq!(xxh64(version.as_bytes()), number, "{version}");
        }
    }
}
