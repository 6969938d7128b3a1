//! The last words of a filter: a panic's message and place, before the VM traps; and lines of text
//! made without the formatter, which would double a small filter's size.

use std::panic::PanicHookInfo;

use tollgate_abi::LogLevel;

use crate::sys;

/// Has panics reported to the host's log as critical lines.
pub fn install() {
    std::panic::set_hook(Box::new(report));
}

/// Writes `panicked at file:line: message`.
fn report(info: &PanicHookInfo<'_>) {
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    let mut text = Line::new();
    text.push(b"panicked at ");
    text.push(file.as_bytes());
    text.push(b":");
    text.push_number(line);
    text.push(b": ");
    text.push(info.payload_as_str().unwrap_or("unknown reason").as_bytes());
    sys::log(LogLevel::Critical, text.as_bytes());
}

/// A line of limited length: memory may be what the filter ran out of.
pub(crate) struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; 512],
            len: 0,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, text: &[u8]) {
        let unused = self.bytes.iter_mut().skip(self.len);
        for (place, byte) in unused.zip(text) {
            *place = *byte;
            self.len += 1;
        }
    }

    pub(crate) fn push_number(&mut self, number: u32) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        let digits = b"0123456789".get((number % 10) as usize..);
        self.push(
            digits
                .and_then(|digits| digits.get(..1))
                .unwrap_or_default(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn numbers_are_written_in_decimal() {
        let text = |number| {
            let mut line = Line::new();
            line.push_number(number);
            line.as_bytes().to_vec()
        };
        assert_eq!(text(0), b"0");
        assert_eq!(text(1_070), b"1070");
        assert_eq!(text(u32::MAX), b"4294967295");
    }

    #[test]
    fn a_long_line_is_cut() {
        let mut line = Line::new();
        line.push(&[b'x'; 500]);
        line.push(&[b'y'; 500]);
        assert_eq!(line.as_bytes().len(), 512);
    }
}
