//! Inject: one hostcall that does not answer as it should.

use std::fmt;

use tollgate_abi::Status;

/// A hostcall that fails, or answers what no host should.
///
/// ```
/// use tollgate_testing::{Inject, Status};
///
/// // Every callout is refused.
/// let refused = Inject::hostcall("proxy_http_call").status(Status::InternalFailure);
/// // The second read of a map returns a count of four billion entries, and no entry.
/// let malformed = Inject::hostcall("proxy_get_header_map_pairs").nth(2).bytes([0xff; 4]);
/// # let _ = (refused, malformed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to `TestHost::inject`"]
pub struct Inject {
    hostcall: String,
    nth: Option<usize>,
    pub(crate) answer: Answer,
}

/// What a hostcall answers instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Status(u32),
    Bytes(Vec<u8>),
    Block { address: u32, size: u32 },
    CallBack,
}

impl Inject {
    /// Names the hostcall, such as `proxy_http_call`. Unless told otherwise it answers
    /// `InternalFailure`, each time.
    pub fn hostcall(name: &str) -> Self {
        Self {
            hostcall: name.to_owned(),
            nth: None,
            answer: Answer::Status(Status::InternalFailure.to_u32()),
        }
    }

    /// Leaves all calls alone but one: 1 is the first after the test host was made.
    pub const fn nth(mut self, nth: usize) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Answers a status, and does nothing.
    pub fn status(self, status: Status) -> Self {
        self.status_number(status.to_u32())
    }

    /// Answers a status that the ABI need not know.
    pub fn status_number(self, status: u32) -> Self {
        self.answering(Answer::Status(status))
    }

    /// Answers `Ok` and these bytes: a map, a value or a body as no host should write it.
    pub fn bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.answering(Answer::Bytes(bytes.as_ref().to_vec()))
    }

    /// Answers `Ok` and a block of memory that was never allocated. Native filters have no such
    /// memory; for them the hostcall is left alone.
    pub fn block(self, address: u32, size: u32) -> Self {
        self.answering(Answer::Block { address, size })
    }

    /// Calls back before the hostcall returns: a tick, and the responses to all callouts. No
    /// known host does so to a module; for modules the hostcall is left alone.
    pub fn call_back(self) -> Self {
        self.answering(Answer::CallBack)
    }

    pub(crate) fn new(hostcall: &str, nth: Option<usize>, answer: Answer) -> Self {
        Self {
            hostcall: hostcall.to_owned(),
            nth,
            answer,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.hostcall
    }

    fn answering(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    /// Whether it concerns this call, the `count`th of its name.
    pub(crate) fn applies_to(&self, hostcall: &str, count: usize) -> bool {
        self.hostcall == hostcall && self.nth.is_none_or(|nth| nth == count)
    }
}

impl fmt::Display for Inject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hostcall)?;
        if let Some(nth) = self.nth {
            write!(f, " (call {nth})")?;
        }
        match &self.answer {
            Answer::Status(number) => match Status::try_from(*number) {
                Ok(status) => write!(f, " answers {status}"),
                Err(_) => write!(f, " answers the unknown status {number}"),
            },
            Answer::Bytes(bytes) => write!(f, " returns \"{}\"", bytes.escape_ascii()),
            Answer::Block { address, size } => {
                write!(
                    f,
                    " returns {size} bytes at {address:#x}, which are not its own"
                )
            }
            Answer::CallBack => f.write_str(" calls back"),
        }
    }
}
