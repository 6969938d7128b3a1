//! `BodyBuffer`: body bytes that are held or looked at, in the chunks they came in.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

/// A piece of a body. Chunks are not joined: most bodies pass without being read.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyBuffer {
    chunks: SmallVec<[Bytes; 2]>,
    len: usize,
}

impl BodyBuffer {
    /// Returns the number of bytes.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no bytes.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push(chunk);
        }
    }

    /// Appends another buffer.
    pub(crate) fn append(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        self.len += other.len;
        self.chunks.extend(other.chunks);
    }

    /// Takes everything, leaving nothing.
    #[must_use]
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Appends a range of the bytes to `out`. What lies beyond the end is left out.
    pub(crate) fn read(&self, range: Range<usize>, out: &mut Vec<u8>) {
        let mut start = 0;
        for chunk in &self.chunks {
            let end = start + chunk.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                out.extend_from_slice(chunk.get(from - start..to - start).unwrap_or_default());
            }
            start = end;
        }
    }

    /// Replaces a range of the bytes; an empty range inserts.
    pub(crate) fn replace(&mut self, range: Range<usize>, data: &[u8]) {
        let old = self.take();
        let mut start = 0;
        let mut rest = Self::default();
        for chunk in old.chunks {
            let end = start + chunk.len();
            let before = range.start.clamp(start, end);
            let after = range.end.max(range.start).clamp(start, end);
            self.push(chunk.slice(..before - start));
            rest.push(chunk.slice(after - start..));
            start = end;
        }
        self.push(Bytes::copy_from_slice(data));
        self.append(rest);
    }
}

impl From<Bytes> for BodyBuffer {
    fn from(chunk: Bytes) -> Self {
        let mut buffer = Self::default();
        buffer.push(chunk);
        buffer
    }
}

impl IntoIterator for BodyBuffer {
    type Item = Bytes;
    type IntoIter = smallvec::IntoIter<[Bytes; 2]>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::BodyBuffer;
    use bytes::Bytes;

    fn buffer(chunks: &[&'static str]) -> BodyBuffer {
        let mut buffer = BodyBuffer::default();
        chunks
            .iter()
            .for_each(|chunk| buffer.push(Bytes::from_static(chunk.as_bytes())));
        buffer
    }

    fn text(buffer: &BodyBuffer) -> String {
        let mut out = Vec::new();
        buffer.read(0..buffer.len(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_read_crosses_chunks() {
        let mut out = Vec::new();
        buffer(&["abc", "def", "ghi"]).read(2..7, &mut out);
        assert_eq!(out, b"cdefg");
    }

    #[test]
    fn a_read_beyond_the_end_gives_what_there_is() {
        let mut out = Vec::new();
        buffer(&["abc"]).read(2..99, &mut out);
        assert_eq!(out, b"c");
    }

    #[test]
    fn an_empty_range_inserts() {
        let mut front = buffer(&["abc", "def"]);
        front.replace(0..0, b"<");
        assert_eq!(text(&front), "<abcdef");
        let mut middle = buffer(&["abc", "def"]);
        middle.replace(3..3, b"|");
        assert_eq!(text(&middle), "abc|def");
        let mut end = buffer(&["abc", "def"]);
        end.replace(6..6, b">");
        assert_eq!(text(&end), "abcdef>");
    }

    #[test]
    fn a_range_is_replaced_across_chunks() {
        let mut body = buffer(&["abc", "def", "ghi"]);
        body.replace(1..8, b"-");
        assert_eq!(text(&body), "a-i");
        assert_eq!(body.len(), 3);
    }

    #[test]
    fn replacing_everything_with_nothing_empties_the_buffer() {
        let mut body = buffer(&["abc", "def"]);
        body.replace(0..6, b"");
        assert!(body.is_empty());
        assert_eq!(text(&body), "");
    }

    #[test]
    fn an_empty_buffer_becomes_the_data() {
        let mut body = BodyBuffer::default();
        body.replace(0..0, b"new");
        assert_eq!(text(&body), "new");
    }
}
