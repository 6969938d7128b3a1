//! History: what a VM did last, kept for the fault that may follow.

use std::borrow::Cow;

use tollgate_abi::{LogLevel, Status};

use crate::error::HostcallRecord;
use crate::hostcalls::Arguments;
use crate::imports::{self, Family, Import};

/// How many hostcalls are remembered. A power of two, so that the place of the next is a mask.
pub(crate) const CAPACITY: usize = 32;

/// How many words of a call's arguments are remembered.
const WORDS: usize = 3;

/// Most bytes of last words that are kept.
const MAX_WORDS: usize = 2048;

/// Stands in an outcome for a call that did not return.
const TRAPPED: u8 = u8::MAX;

/// What a hostcall came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The status or errno that the guest was told.
    Told(u32),
    Trapped,
}

/// A hostcall in two words, because every hostcall pays for it.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The import's index, the outcome, and the first argument in the upper half.
    call: u64,
    /// The second and third argument.
    arguments: u64,
}

/// The last hostcalls of a VM and the last words of a callback.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: [Entry; CAPACITY],
    /// How many were ever made, and how many of them before this callback.
    made: usize,
    made_before: usize,
    last_words: Vec<u8>,
    was_stderr: bool,
}

impl History {
    /// A callback begins.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.made_before = self.made;
        self.last_words.clear();
    }

    /// Forgets everything. Entries that were not made are never read.
    pub(crate) fn clear(&mut self) {
        self.made = 0;
        self.begin();
    }

    /// Remembers a hostcall.
    #[inline]
    pub(crate) fn push(&mut self, import: &Import, outcome: Outcome, arguments: &[u64]) {
        let outcome = match outcome {
            Outcome::Told(number) => number & 0xff,
            Outcome::Trapped => u32::from(TRAPPED),
        };
        let word = |index: usize| arguments.get(index).map_or(0, |word| word & 0xffff_ffff);
        let entry = Entry {
            call: u64::from(import.index) | u64::from(outcome) << 8 | word(0) << 32,
            arguments: word(1) | word(2) << 32,
        };
        if let Some(place) = self.entries.get_mut(self.made % CAPACITY) {
            *place = entry;
        }
        self.made = self.made.wrapping_add(1);
    }

    /// Remembers a line in which a guest may have said why it ends.
    pub(crate) fn note_line(&mut self, level: LogLevel, message: &[u8]) {
        if level < LogLevel::Error {
            return;
        }
        self.last_words.clear();
        self.was_stderr = false;
        self.append(message);
    }

    /// Remembers what is written to standard error, where a report may come in pieces.
    pub(crate) fn note_stderr(&mut self, text: &[u8]) {
        if !self.was_stderr {
            self.last_words.clear();
        }
        self.was_stderr = true;
        self.append(text);
    }

    fn append(&mut self, text: &[u8]) {
        let room = MAX_WORDS.saturating_sub(self.last_words.len());
        self.last_words
            .extend_from_slice(text.get(..room).unwrap_or(text));
    }

    /// Returns the last words of this callback, without what every panic of Rust's standard
    /// library adds.
    pub(crate) fn last_words(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.last_words);
        let said = text
            .split_once("note: run with `RUST_BACKTRACE")
            .map_or(&*text, |(before, _)| before)
            .trim();
        (!said.is_empty()).then(|| said.to_owned())
    }

    /// Returns the last hostcalls, oldest first, as they read with this memory.
    pub(crate) fn hostcalls(&self, memory: &[u8]) -> Vec<HostcallRecord> {
        let first = self.made.saturating_sub(CAPACITY);
        let records = (first..self.made).filter_map(|number| {
            let entry = self.entries.get(number % CAPACITY)?;
            entry.to_record(memory, number < self.made_before)
        });
        records.collect()
    }
}

impl Entry {
    fn to_record(self, memory: &[u8], is_earlier: bool) -> Option<HostcallRecord> {
        let [index, outcome, ..] = self.call.to_le_bytes();
        let import = imports::all().find(|import| import.index == index)?;
        let words = [
            self.call >> 32,
            self.arguments & 0xffff_ffff,
            self.arguments >> 32,
        ];
        let known = import.words().min(WORDS);
        let arguments = Arguments::new(import, words.get(..known)?, memory);
        Some(HostcallRecord {
            name: import.name,
            arguments: arguments.to_string(),
            outcome: outcome_name(import.family, outcome).into_owned(),
            is_earlier,
        })
    }
}

fn outcome_name(family: Family, outcome: u8) -> Cow<'static, str> {
    if outcome == TRAPPED {
        return "trapped".into();
    }
    match (family, Status::try_from(u32::from(outcome))) {
        (Family::Proxy, Ok(status)) => format!("{status:?}").into(),
        (Family::Unrestricted, _) => outcome.to_string().into(),
        (Family::Wasi, _) | (Family::Proxy, Err(_)) if outcome == 0 => "Ok".into(),
        (Family::Wasi, _) | (Family::Proxy, Err(_)) => format!("errno {outcome}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, History, Outcome};
    use crate::imports::{env, wasi};
    use tollgate_abi::LogLevel;

    #[test]
    fn the_last_calls_are_kept_in_order_with_what_they_were_told() {
        let mut history = History::default();
        for _ in 0..CAPACITY {
            history.push(&env::PROXY_DONE, Outcome::Told(10), &[]);
        }
        history.begin();
        history.push(
            &env::GET_HEADER_MAP_VALUE,
            Outcome::Told(1),
            &[0, 1, 4, 0, 0],
        );
        history.push(&wasi::FD_WRITE, Outcome::Told(8), &[3, 0, 0, 0]);
        let calls = history.hostcalls(b" x-id ");
        assert_eq!(calls.len(), CAPACITY);
        let tail: Vec<_> = calls[CAPACITY - 3..]
            .iter()
            .map(|call| {
                let text = format!("{}({}) = {}", call.name, call.arguments, call.outcome);
                (text, call.is_earlier)
            })
            .collect();
        let expected = [
            ("proxy_done() = InternalFailure", true),
            (
                "proxy_get_header_map_value(map=HttpRequestHeaders key=\"x-id\") = NotFound",
                false,
            ),
            ("fd_write(fd=3 iovs=0 iovs_len=0) = errno 8", false),
        ];
        let expected = expected.map(|(text, is_earlier)| (text.to_owned(), is_earlier));
        assert_eq!(tail, expected);
    }

    #[test]
    fn last_words_are_of_this_callback_and_may_come_in_pieces() {
        let mut history = History::default();
        history.note_line(LogLevel::Error, b"first");
        history.note_line(LogLevel::Info, b"chatter");
        assert_eq!(history.last_words().as_deref(), Some("first"));
        history.note_stderr(b"thread 'main' panicked at a.rs:1:2:\n");
        history.note_stderr(b"boom\nnote: run with `RUST_BACKTRACE=1` environment variable");
        assert_eq!(
            history.last_words().as_deref(),
            Some("thread 'main' panicked at a.rs:1:2:\nboom")
        );
        history.begin();
        assert_eq!(history.last_words(), None);
        history.note_stderr(&[b'x'; 5000]);
        assert_eq!(history.last_words().map(|words| words.len()), Some(2048));
    }
}
