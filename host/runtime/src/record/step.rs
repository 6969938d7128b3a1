//! Step: a callback, or a hostcall with what it told the guest, as it is kept and written.

use std::hash::Hasher;

use crate::hostcalls::GuestSlice;
use crate::imports::{Family, Import, Param, env, wasi};

/// One thing that happened at the border of the guest.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Step {
    #[prost(oneof = "Kind", tags = "1, 2")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(message, tag = "1")]
    Callback(Callback),
    #[prost(message, tag = "2")]
    Hostcall(Hostcall),
}

/// The host called the guest.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Callback {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint32, tag = "2")]
    pub(crate) context: u32,
    #[prost(uint32, repeated, tag = "3")]
    pub(crate) params: Vec<u32>,
    /// How long it may run, in ticks of the epoch.
    #[prost(uint64, tag = "4")]
    pub(crate) ticks: u64,
    /// Whether the rules of start functions hold.
    #[prost(bool, tag = "5")]
    pub(crate) is_start: bool,
}

/// The guest called the host.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Hostcall {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Stands for what the guest asked: its arguments without addresses.
    #[prost(fixed64, tag = "2")]
    pub(crate) asked: u64,
    /// The arguments for people.
    #[prost(string, tag = "3")]
    pub(crate) arguments: String,
    #[prost(uint32, tag = "4")]
    pub(crate) status: u32,
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<Output>,
}

/// Bytes that a hostcall wrote.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Output {
    /// Which wasm parameter says where.
    #[prost(uint32, tag = "1")]
    pub(crate) word: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) bytes: Vec<u8>,
    /// Whether they are in a block of the guest's allocator, whose address and size went to this
    /// parameter and the next.
    #[prost(bool, tag = "3")]
    pub(crate) is_block: bool,
}

impl Step {
    /// Returns about how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        let content = match &self.kind {
            Some(Kind::Hostcall(call)) => {
                let outputs = call.outputs.iter().map(|output| output.bytes.len() + 32);
                call.arguments.len() + outputs.sum::<usize>()
            }
            Some(Kind::Callback(callback)) => callback.params.len() * 4,
            None => 0,
        };
        content.saturating_add(128)
    }
}

/// Returns whether a hostcall tells a guest what it could not know otherwise. Logging does not, and
/// the rest of WASI answers the same each time.
pub(crate) fn is_recorded(import: &Import) -> bool {
    let is_any = |others: &[&Import]| others.iter().any(|other| other.index == import.index);
    match import.family {
        Family::Proxy => !is_any(&[&env::WRITE_LOG]),
        Family::Unrestricted => is_any(&[&env::RESOLVE_DNS]),
        Family::Wasi => is_any(&[&wasi::CLOCK_TIME_GET, &wasi::RANDOM_GET]),
    }
}

/// As [`is_recorded`], with all that a guest tells.
pub(crate) fn is_compared(import: &Import) -> bool {
    is_recorded(import) || import.index == env::WRITE_LOG.index
}

/// Returns a number that stands for what a guest asks, whatever its addresses.
pub(crate) fn asked(import: &Import, arguments: &[u64], memory: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    let mut words = arguments.iter().copied();
    for param in import.params {
        let word = words.next().unwrap_or_default();
        match param {
            Param::Out(_) => {}
            Param::Bytes(_) | Param::Pairs(_) => {
                let size = words.next().unwrap_or_default();
                let slice = u32::try_from(word).ok().zip(u32::try_from(size).ok());
                let bytes =
                    slice.and_then(|(ptr, size)| GuestSlice::new(ptr, size).read(memory).ok());
                hash.write(bytes.unwrap_or_default());
                hash.write_u64(bytes.map_or(u64::MAX, |_| size));
            }
            Param::Number(_)
            | Param::Long(_)
            | Param::Level
            | Param::Map
            | Param::Buffer
            | Param::Stream => hash.write_u64(word),
        }
    }
    hash.finish()
}

/// As [`asked`], for guests with other histories: ids of metrics are given out in the order in which
/// they are defined.
pub(crate) fn compared(import: &Import, arguments: &[u64], memory: &[u8]) -> u64 {
    let by_id = [
        &env::INCREMENT_METRIC,
        &env::RECORD_METRIC,
        &env::GET_METRIC,
    ];
    if !by_id.iter().any(|other| other.index == import.index) {
        return asked(import, arguments, memory);
    }
    let mut arguments = arguments.to_vec();
    if let Some(id) = arguments.first_mut() {
        *id = 0;
    }
    asked(import, &arguments, memory)
}

/// FNV-1a: the number is written to files, so that it must not change with the compiler.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }
}

/// Returns what a hostcall that has just returned has written, as it lies in memory now.
pub(crate) fn outputs(
    import: &Import,
    arguments: &[u64],
    is_ok: bool,
    memory: &[u8],
) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut words = (0_u32..).zip(arguments.iter().copied());
    let mut params = import.params.iter();
    while let Some(param) = params.next() {
        let Some((word, address)) = words.next() else {
            break;
        };
        let read = |size: u32| plain(address, size, memory);
        match param {
            Param::Bytes(_) | Param::Pairs(_) => {
                words.next();
            }
            Param::Out(name) if name.ends_with("_ptr") => {
                params.next();
                let size = words.next().map(|(_, address)| address);
                let is_unwanted = address == 0 && import.index == env::CALL_FOREIGN_FUNCTION.index;
                if is_unwanted {
                    outputs.push(output(word, &[], true));
                } else if is_ok {
                    let block = block(address, size, memory);
                    outputs.extend(block.map(|block| output(word, block, true)));
                } else {
                    // Nothing was returned, but an empty answer may have been written.
                    outputs.extend(read(4).map(|bytes| output(word, bytes, false)));
                    let size = size.and_then(|at| plain(at, 4, memory));
                    outputs.extend(size.map(|bytes| output(word + 1, bytes, false)));
                }
            }
            Param::Out("buffer") if import.index == wasi::RANDOM_GET.index => {
                let size = arguments.get(1).and_then(|size| u32::try_from(*size).ok());
                let bytes = size.and_then(read).filter(|_| is_ok);
                outputs.extend(bytes.map(|bytes| output(word, bytes, false)));
            }
            Param::Out(_) => {
                let bytes = read(width(import));
                outputs.extend(bytes.map(|bytes| output(word, bytes, false)));
            }
            Param::Number(_)
            | Param::Long(_)
            | Param::Level
            | Param::Map
            | Param::Buffer
            | Param::Stream => {}
        }
    }
    outputs
}

fn output(word: u32, bytes: &[u8], is_block: bool) -> Output {
    let bytes = bytes.to_vec();
    Output {
        word,
        bytes,
        is_block,
    }
}

fn plain(address: u64, size: u32, memory: &[u8]) -> Option<&[u8]> {
    let ptr = u32::try_from(address).ok()?;
    GuestSlice::new(ptr, size).read(memory).ok()
}

/// Returns the bytes whose address and size were written to these addresses.
fn block(address: u64, size: Option<u64>, memory: &[u8]) -> Option<&[u8]> {
    let number = |at: u64| Some(u32::from_le_bytes(plain(at, 4, memory)?.try_into().ok()?));
    let (ptr, size) = (number(address)?, number(size?)?);
    GuestSlice::new(ptr, size).read(memory).ok()
}

/// Returns how many bytes a plain result of a hostcall has.
fn width(import: &Import) -> u32 {
    let long = [
        &env::GET_CURRENT_TIME,
        &env::GET_METRIC,
        &wasi::CLOCK_TIME_GET,
    ];
    if long.iter().any(|other| other.index == import.index) {
        8
    } else {
        4
    }
}
