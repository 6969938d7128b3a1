//! Refusals: the status a guest is told, and the one log line that says why.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use tollgate_abi::{BufferType, LogLevel, MapType, Status, StreamType};

use super::{GuestSlice, Hostcall};
use crate::imports::{Import, Param};

/// Most bytes of an argument that the log shows.
const MAX_SHOWN: usize = 64;

/// A hostcall that was not carried out.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: Status,
    pub(crate) reason: Cow<'static, str>,
    /// The limit that the guest would have passed.
    limit: Option<&'static str>,
}

impl Refusal {
    pub(crate) const BAD_POINTER: Self = Self::new(
        Status::InvalidMemoryAccess,
        "an argument lies outside the guest's memory",
    );
    pub(crate) const BAD_RESULT_POINTER: Self = Self::new(
        Status::InvalidMemoryAccess,
        "the result lies outside the guest's memory",
    );
    pub(crate) const BAD_ALLOCATION: Self = Self::new(
        Status::InvalidMemoryAccess,
        "the guest's allocator returned no block inside its memory",
    );

    pub(crate) const fn new(status: Status, reason: &'static str) -> Self {
        Self {
            status,
            reason: Cow::Borrowed(reason),
            limit: None,
        }
    }

    pub(crate) const fn bad_argument(reason: &'static str) -> Self {
        Self::new(Status::BadArgument, reason)
    }

    pub(crate) const fn not_found(reason: &'static str) -> Self {
        Self::new(Status::NotFound, reason)
    }

    pub(crate) const fn with(status: Status, reason: String) -> Self {
        Self {
            status,
            reason: Cow::Owned(reason),
            limit: None,
        }
    }

    /// Says which limit the guest would have passed.
    pub(crate) const fn beyond(mut self, limit: &'static str) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// Why a handler stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest is told a status.
    Refused(Refusal),
    /// The guest's own allocator trapped.
    Trapped(wasmtime::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Writes the log line of a refusal. What is part of normal life is for debugging, the rest is
/// the plugin author's mistake.
#[cold]
pub(crate) fn report(
    call: &mut Hostcall<'_>,
    import: &'static Import,
    arguments: &[u64],
    refusal: &Refusal,
) {
    let is_usual = matches!(
        refusal.status,
        Status::NotFound | Status::Empty | Status::CasMismatch
    );
    if is_usual && !tracing::enabled!(target: "tollgate::hostcall", tracing::Level::DEBUG) {
        return;
    }
    let (memory, state) = call.split();
    if let Some(limit) = refusal.limit {
        state.services.limit_hit(limit);
    }
    let arguments = Arguments::new(import, arguments, memory);
    let plugin = state.plugin_name(state.current);
    match refusal.status {
        Status::NotFound | Status::Empty | Status::CasMismatch => tracing::debug!(
            target: "tollgate::hostcall",
            hostcall = import.name,
            args = %arguments,
            status = %refusal.status,
            reason = %refusal.reason,
            plugin,
        ),
        Status::Ok
        | Status::BadArgument
        | Status::SerializationFailure
        | Status::ParseFailure
        | Status::BadExpression
        | Status::InvalidMemoryAccess
        | Status::ResultMismatch
        | Status::InternalFailure
        | Status::BrokenConnection
        | Status::Unimplemented => tracing::warn!(
            target: "tollgate::hostcall",
            hostcall = import.name,
            args = %arguments,
            status = %refusal.status,
            reason = %refusal.reason,
            plugin,
        ),
    }
}

/// Arguments as the log shows them: `map=HttpRequestHeaders key="x-id"`. Those whose words are not
/// known are left out.
pub(crate) struct Arguments<'a> {
    params: &'static [Param],
    words: &'a [u64],
    memory: &'a [u8],
}

impl<'a> Arguments<'a> {
    pub(crate) const fn new(import: &'static Import, words: &'a [u64], memory: &'a [u8]) -> Self {
        Self {
            params: import.params,
            words,
            memory,
        }
    }
}

impl fmt::Display for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.words.iter().copied();
        for (index, param) in self.params.iter().enumerate() {
            if words.len() < param.words() {
                break;
            }
            let mut next = || words.next().unwrap_or_default();
            if index > 0 {
                f.write_char(' ')?;
            }
            match *param {
                Param::Number(name) | Param::Long(name) => write!(f, "{name}={}", next())?,
                Param::Level => write_named(f, "level", next(), LogLevel::try_from)?,
                Param::Map => write_named(f, "map", next(), MapType::try_from)?,
                Param::Buffer => write_named(f, "buffer", next(), BufferType::try_from)?,
                Param::Stream => write_named(f, "stream", next(), StreamType::try_from)?,
                Param::Out(name) => write!(f, "{name}=*{:#x}", next())?,
                Param::Bytes(name) => {
                    let (ptr, size) = (low(next()), low(next()));
                    write_bytes(f, name, GuestSlice::new(ptr, size), self.memory)?;
                }
                Param::Pairs(name) => {
                    let (ptr, size) = (low(next()), low(next()));
                    write!(f, "{name}=*{ptr:#x}+{size}")?;
                }
            }
        }
        Ok(())
    }
}

/// Every word but a `Long` came from an i32.
fn low(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}

fn write_named<T: fmt::Debug, E>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    number: u64,
    read: impl Fn(u32) -> Result<T, E>,
) -> fmt::Result {
    match read(low(number)) {
        Ok(value) => write!(f, "{name}={value:?}"),
        Err(_) => write!(f, "{name}={number}"),
    }
}

fn write_bytes(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    slice: GuestSlice,
    memory: &[u8],
) -> fmt::Result {
    let Ok(bytes) = slice.read(memory) else {
        return write!(
            f,
            "{name}=*{:#x}+{} (outside memory)",
            slice.ptr, slice.size
        );
    };
    let shown = bytes.get(..MAX_SHOWN).unwrap_or(bytes);
    write!(f, "{name}=\"{}\"", shown.escape_ascii())?;
    if shown.len() < bytes.len() {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}
