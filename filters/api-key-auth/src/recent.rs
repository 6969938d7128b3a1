//! `Recent`: the keys found last, so that the next request with one of them needs no SHA-256.
//!
//! A key is remembered by a tag: SipHash-2-4 with 128 bits under a secret that is made of all known
//! keys. Who does not know them cannot make tags, and who knows their digests still has to guess
//! the tag of a key, all 128 bits of it. Only known keys are remembered, so the time an answer takes
//! tells no more than the answer.

use std::cell::Cell;

/// How many keys are remembered, each in the place that its tag says. A power of two.
const PLACES: usize = 64;

/// A keyed hash of a key.
pub(crate) type Tag = [u64; 2];

/// A tag and the position of its key, once there is one.
type Place = Cell<Option<(Tag, usize)>>;

/// The positions of keys by their tags.
pub(crate) struct Recent {
    secret: [u64; 2],
    places: Box<[Place; PLACES]>,
}

impl Recent {
    pub(crate) fn new(secret: [u64; 2]) -> Self {
        let places = Box::new([const { Cell::new(None) }; PLACES]);
        Self { secret, places }
    }

    pub(crate) fn tag(&self, key: &[u8]) -> Tag {
        sip_hash(self.secret, key)
    }

    pub(crate) fn position(&self, tag: Tag) -> Option<usize> {
        let (known, position) = self.place(tag)?.get()?;
        (known == tag).then_some(position)
    }

    pub(crate) fn remember(&self, tag: Tag, position: usize) {
        if let Some(place) = self.place(tag) {
            place.set(Some((tag, position)));
        }
    }

    fn place(&self, [low, _]: Tag) -> Option<&Place> {
        let index = low % PLACES as u64;
        self.places.get(usize::try_from(index).ok()?)
    }
}

/// SipHash-2-4 with a result of 128 bits, its halves in little-endian order.
#[inline(never)]
fn sip_hash([key0, key1]: [u64; 2], bytes: &[u8]) -> Tag {
    let mut state = [
        key0 ^ 0x736f_6d65_7073_6575,
        key1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        key0 ^ 0x6c79_6765_6e65_7261,
        key1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks();
    for word in words {
        absorb(&mut state, u64::from_le_bytes(*word));
    }
    // The last word ends in the length, of which the lowest byte counts.
    let mut last = (bytes.len() as u64) << 56;
    for (place, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * place);
    }
    absorb(&mut state, last);
    state[2] ^= 0xee;
    let low = squeeze(&mut state);
    state[1] ^= 0xdd;
    [low, squeeze(&mut state)]
}

fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    mix(state);
    mix(state);
    state[0] ^= word;
}

fn squeeze(state: &mut [u64; 4]) -> u64 {
    for _ in 0..4 {
        mix(state);
    }
    state.iter().fold(0, |all, word| all ^ word)
}

fn mix(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    c = c.wrapping_add(d);
    b = b.rotate_left(13) ^ a;
    d = d.rotate_left(16) ^ c;
    a = a.rotate_left(32).wrapping_add(d);
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    d = d.rotate_left(21) ^ a;
    *state = [a, b, c.rotate_left(32), d];
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Recent, sip_hash};

    #[test]
    fn the_hash_is_the_one_of_the_reference() {
        // The first vectors of `vectors_sip128` in github.com/veorq/SipHash.
        let secret = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let vectors: [(&[u8], [u64; 2]); 2] = [
            (&[], [0xe6a8_25ba_047f_81a3, 0x9302_55c7_1472_f66d]),
            (&[0], [0x44af_996b_d8c1_87da, 0x45fc_229b_1159_7634]),
        ];
        for (bytes, tag) in vectors {
            assert_eq!(sip_hash(secret, bytes), tag, "{bytes:?}");
        }
    }

    #[test]
    fn every_byte_counts() {
        let key = b"a key that is longer than a word";
        let tag = sip_hash([1, 2], key);
        for place in 0..key.len() {
            let mut other = *key;
            other[place] ^= 1;
            assert_ne!(sip_hash([1, 2], &other), tag, "{place}");
        }
        assert_ne!(sip_hash([1, 3], key), tag);
        assert_ne!(sip_hash([1, 2], &[key.as_slice(), &[0]].concat()), tag);
    }

    #[test]
    fn what_is_remembered_is_found_until_its_place_is_taken() {
        let recent = Recent::new([1, 2]);
        let tag = recent.tag(b"k");
        assert_eq!(recent.position(tag), None);
        recent.remember(tag, 7);
        assert_eq!(recent.position(tag), Some(7));
        let neighbour = [tag[0] + PLACES as u64, tag[1]];
        assert_eq!(recent.position(neighbour), None);
        recent.remember(neighbour, 8);
        assert_eq!(recent.position(tag), None);
    }
}
