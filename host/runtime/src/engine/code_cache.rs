//! `CodeCache`: compiled functions, kept for the snapshots of their module.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use parking_lot::RwLock;
use wasmtime::CacheStore;

/// Compiled functions by what they were compiled from. Beyond its size the oldest go.
#[derive(Debug)]
pub(super) struct CodeCache {
    max_bytes: usize,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<Box<[u8]>, Vec<u8>>,
    /// Keys in the order in which they came.
    order: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl CodeCache {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            kept: RwLock::default(),
        }
    }
}

impl CacheStore for CodeCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let kept = self.kept.read();
        Some(Cow::Owned(kept.by_key.get(key)?.clone()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let size = size(key, &value);
        if size > self.max_bytes {
            return false;
        }
        let mut kept = self.kept.write();
        kept.bytes += size;
        if let Some(before) = kept.by_key.insert(key.into(), value) {
            kept.bytes -= self::size(key, &before);
        } else {
            kept.order.push_back(key.into());
        }
        while kept.bytes > self.max_bytes {
            kept.remove_oldest();
        }
        true
    }
}

impl Kept {
    fn remove_oldest(&mut self) {
        let Some(key) = self.order.pop_front() else {
            return;
        };
        if let Some(value) = self.by_key.remove(&key) {
            self.bytes -= size(&key, &value);
        }
    }
}

/// The key is kept twice.
const fn size(key: &[u8], value: &[u8]) -> usize {
    2 * key.len() + value.len()
}

#[cfg(test)]
mod tests {
    use wasmtime::CacheStore as _;

    use super::CodeCache;

    #[test]
    fn the_oldest_functions_make_room() {
        let cache = CodeCache::new(30);
        for key in [b"a", b"b", b"c"] {
            assert!(cache.insert(key, vec![7; 10]));
        }
        assert_eq!(cache.get(b"a"), None);
        assert_eq!(cache.get(b"b").as_deref(), Some(&[7; 10][..]));
        assert!(cache.insert(b"b", vec![8; 12]), "in place of the first");
        assert_eq!(cache.get(b"c").as_deref(), Some(&[7; 10][..]));
        assert!(!cache.insert(b"d", vec![0; 29]), "larger than the cache");
    }
}
