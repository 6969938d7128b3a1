//! A fixed table of keys in shared data, in sets of a few slots.
//!
//! What a client chooses must not fill memory, so a key has one place only: its set, which is one
//! value of shared data with at most [`WAYS`] slots. A new key takes a slot whose time is over, and
//! if there is none, the one whose TAT is the oldest: the client that owes least is forgotten
//! first, and one that floods stays known.

use sha2::{Digest as _, Sha256};

/// Slots in a set.
const WAYS: usize = 8;

/// Bytes of a slot: half of a SHA-256, and the TAT.
const SLOT_BYTES: usize = 24;

/// A key, as the table knows it. Two keys with the same one would share a limit; finding such
/// takes 2^64 attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    set: u64,
    id: [u8; 16],
}

impl Fingerprint {
    /// Takes the parts of a key. Their lengths count: `a`, `bc` is not `ab`, `c`.
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut set = [0; 8];
        let mut id = [0; 16];
        let (first, rest) = digest.split_at(8);
        set.copy_from_slice(first);
        id.iter_mut().zip(rest).for_each(|(own, byte)| *own = *byte);
        Self {
            set: u64::from_le_bytes(set),
            id,
        }
    }
}

/// The number of sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    sets: u64,
}

impl Table {
    /// Makes room for at least this many keys.
    pub(crate) fn new(max_keys: u32) -> Self {
        let ways = u64::try_from(WAYS).unwrap_or(u64::MAX);
        Self {
            sets: u64::from(max_keys).div_ceil(ways).max(1),
        }
    }

    /// Returns the name of the key's set in shared data.
    pub(crate) fn set(self, key: &Fingerprint) -> [u8; 8] {
        (key.set % self.sets).to_le_bytes()
    }
}

/// The slots of one set, as they stand in shared data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set(Vec<u8>);

impl Set {
    /// Takes the value from shared data. What is not whole slots is dropped: it is not ours.
    pub(crate) fn new(value: Option<&[u8]>) -> Self {
        let value = value.unwrap_or_default();
        let whole = value.len().min(WAYS * SLOT_BYTES) / SLOT_BYTES * SLOT_BYTES;
        Self(value.get(..whole).unwrap_or_default().to_vec())
    }

    /// Returns the value for shared data.
    pub(crate) fn into_value(self) -> Vec<u8> {
        self.0
    }

    /// Returns the TAT of a key.
    pub(crate) fn tat(&self, key: &Fingerprint) -> Option<u64> {
        self.slots()
            .find(|slot| slot.id == key.id)
            .map(|slot| slot.tat)
    }

    /// Remembers the TAT of a key.
    pub(crate) fn put(&mut self, key: &Fingerprint, tat: u64) {
        let slots: Vec<Slot> = self.slots().collect();
        let own = slots.iter().position(|slot| slot.id == key.id);
        // A TAT in the past says no more than no slot at all, so the oldest is the one to lose,
        // whether its time is over or not.
        let oldest = || {
            let by_tat = slots.iter().enumerate().min_by_key(|(_, slot)| slot.tat);
            by_tat
                .map(|(index, _)| index)
                .filter(|_| slots.len() >= WAYS)
        };
        let at = own.or_else(oldest).unwrap_or(slots.len()) * SLOT_BYTES;
        self.0.resize(self.0.len().max(at + SLOT_BYTES), 0);
        let bytes = key.id.iter().copied().chain(tat.to_le_bytes());
        self.0
            .iter_mut()
            .skip(at)
            .zip(bytes)
            .for_each(|(own, byte)| *own = byte);
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.0.chunks_exact(SLOT_BYTES).filter_map(|slot| {
            let (id, tat) = slot.split_first_chunk::<16>()?;
            let tat = u64::from_le_bytes(tat.try_into().ok()?);
            Some(Slot { id: *id, tat })
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: [u8; 16],
    tat: u64,
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, SLOT_BYTES, Set, Table, WAYS};

    fn key(name: &str) -> Fingerprint {
        Fingerprint::new(&[name.as_bytes()])
    }

    #[test]
    fn the_lengths_of_parts_count() {
        let parts = |parts: &[&'static str]| {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            Fingerprint::new(&parts)
        };
        assert_ne!(parts(&["a", "bc"]), parts(&["ab", "c"]));
        assert_ne!(parts(&["a"]), parts(&["a", ""]));
        assert_eq!(parts(&["a", "b"]), parts(&["a", "b"]));
    }

    #[test]
    fn a_set_remembers_its_keys() {
        let mut set = Set::new(None);
        assert_eq!(set.tat(&key("a")), None);
        set.put(&key("a"), 5);
        set.put(&key("b"), 6);
        set.put(&key("a"), 7);
        let set = Set::new(Some(&set.into_value()));
        assert_eq!(set.tat(&key("a")), Some(7));
        assert_eq!(set.tat(&key("b")), Some(6));
        assert_eq!(set.into_value().len(), 2 * SLOT_BYTES);
    }

    #[test]
    fn a_full_set_forgets_the_oldest_tat() {
        let mut set = Set::new(None);
        for (tat, name) in (10..).zip(["c", "a", "b", "d", "e", "f", "g", "h"]) {
            set.put(&key(name), tat);
        }
        set.put(&key("new"), 100);
        assert_eq!(set.tat(&key("c")), None);
        assert_eq!(set.tat(&key("a")), Some(11));
        assert_eq!(set.tat(&key("new")), Some(100));
        assert_eq!(set.into_value().len(), WAYS * SLOT_BYTES);
    }

    #[test]
    fn ten_thousand_keys_leave_no_more_than_the_table() {
        let table = Table::new(100);
        let mut sets = std::collections::BTreeMap::new();
        for number in 0..10_000_u32 {
            let key = key(&number.to_string());
            let set = sets
                .entry(table.set(&key))
                .or_insert_with(|| Set::new(None));
            set.put(&key, u64::from(number));
            assert_eq!(set.tat(&key), Some(u64::from(number)));
        }
        assert_eq!(sets.len(), 13);
        assert!(
            sets.into_values()
                .all(|set| set.into_value().len() == WAYS * SLOT_BYTES)
        );
    }

    #[test]
    fn a_foreign_value_is_no_reason_to_panic() {
        for length in [0, 1, 23, 25, 191, 193, 5000] {
            let mut set = Set::new(Some(&vec![0xff; length]));
            set.put(&key("a"), 1);
            assert_eq!(set.tat(&key("a")), Some(1));
            assert!(set.into_value().len() <= WAYS * SLOT_BYTES);
        }
    }
}
