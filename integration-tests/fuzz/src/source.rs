//! `Source`: decisions taken from the fuzzer's bytes; zeros when they are used up.

use std::cell::Cell;

/// The input, read from its beginning.
#[derive(Debug)]
pub struct Source {
    bytes: Vec<u8>,
    next: Cell<usize>,
}

impl Source {
    /// Reads from a copy of the input.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            next: Cell::new(0),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next.get() >= self.bytes.len()
    }

    /// The next byte.
    pub fn byte(&self) -> u8 {
        let index = self.next.get();
        self.next.set(index + 1);
        self.bytes.get(index).copied().unwrap_or_default()
    }

    /// A number below a bound that is not 0.
    pub fn below(&self, bound: u8) -> u8 {
        self.byte() % bound
    }

    /// Yes or no.
    pub fn flag(&self) -> bool {
        self.byte() & 1 == 1
    }

    /// Four bytes.
    pub fn number(&self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Eight bytes.
    pub fn long(&self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Bytes after their length, which is below 256.
    pub fn some_bytes(&self) -> Vec<u8> {
        let len = self.byte();
        (0..len)
            .take_while(|_| !self.is_empty())
            .map(|_| self.byte())
            .collect()
    }

    /// Whatever is left.
    pub fn rest(&self) -> Vec<u8> {
        let rest = self.bytes.get(self.next.get()..).unwrap_or_default();
        self.next.set(self.bytes.len());
        rest.to_vec()
    }

    /// Fills a buffer.
    pub fn fill(&self, out: &mut [u8]) {
        out.iter_mut().for_each(|byte| *byte = self.byte());
    }
}
