//! Reader: shared bytes as the DWARF library reads them.
//!
//! The library's own shared reader needs a feature of it that nothing else here does, and a
//! borrowed one would tie the symbols to the module's bytes.

use std::borrow::Cow;

use addr2line::gimli::{self, Error, LittleEndian, ReaderOffsetId};
use bytes::{Buf as _, Bytes};

/// Bytes of a debugging section from some place on. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedReader {
    bytes: Bytes,
}

impl SharedReader {
    pub(super) const fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    fn address(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    fn check(&self, len: usize) -> Result<(), Error> {
        if len <= self.bytes.len() {
            return Ok(());
        }
        Err(Error::UnexpectedEof(gimli::Reader::offset_id(self)))
    }
}

impl gimli::Reader for SharedReader {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn empty(&mut self) {
        self.bytes.clear();
    }

    fn truncate(&mut self, len: usize) -> Result<(), Error> {
        self.check(len)?;
        self.bytes.truncate(len);
        Ok(())
    }

    fn offset_from(&self, base: &Self) -> usize {
        self.address().saturating_sub(base.address())
    }

    fn offset_id(&self) -> ReaderOffsetId {
        ReaderOffsetId(u64::try_from(self.address()).unwrap_or_default())
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        let offset = usize::try_from(id.0).ok()?.checked_sub(self.address())?;
        (offset <= self.bytes.len()).then_some(offset)
    }

    fn find(&self, byte: u8) -> Result<usize, Error> {
        memchr::memchr(byte, &self.bytes)
            .ok_or_else(|| Error::UnexpectedEof(gimli::Reader::offset_id(self)))
    }

    fn skip(&mut self, len: usize) -> Result<(), Error> {
        self.check(len)?;
        self.bytes.advance(len);
        Ok(())
    }

    fn split(&mut self, len: usize) -> Result<Self, Error> {
        self.check(len)?;
        Ok(Self::new(self.bytes.split_to(len)))
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(&self.bytes))
    }

    fn to_string(&self) -> Result<Cow<'_, str>, Error> {
        std::str::from_utf8(&self.bytes)
            .map(Cow::Borrowed)
            .map_err(|_| Error::BadUtf8)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>, Error> {
        Ok(String::from_utf8_lossy(&self.bytes))
    }

    fn read_slice(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.check(out.len())?;
        self.bytes.copy_to_slice(out);
        Ok(())
    }
}
