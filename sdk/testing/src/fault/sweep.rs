//! Sweep: a scenario again and again, each time with another fault.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tollgate_abi::Status;

use super::Inject;
use super::inject::Answer;
use crate::host::TestHost;
use crate::outcome::End;
use crate::upstream::Kind;

/// How many calls of one hostcall get a fault of their own; all together they get it once more.
const MOST_CALLS: usize = 8;

/// A status that no version of the ABI knows.
const UNKNOWN_STATUS: u32 = 4_000_000_000;

/// Hostcalls without which a paused request cannot go on, whatever a filter does.
const WAYS_OUT: &[&str] = &[
    "proxy_continue_stream",
    "proxy_send_local_response",
    "proxy_close_stream",
    "proxy_set_effective_context",
    "proxy_set_tick_period_milliseconds",
];

/// Bytes that are no map, and hardly a value.
const MALFORMED: [&[u8]; 6] = [
    b"",
    b"\x01",
    // Four billion entries, and none of them.
    b"\xff\xff\xff\xff",
    // One entry whose sizes leave the buffer.
    b"\x01\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f",
    // One entry, cut off.
    b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\0",
    // One entry without its terminators, of bytes that are not UTF-8.
    b"\x01\0\0\0\x02\0\0\0\x02\0\0\0\xff\xfe\xfd\xfc\xfb\xfa",
];

/// Hostcalls that return bytes.
const RETURNING_BYTES: &[&str] = &[
    "proxy_get_property",
    "proxy_get_header_map_value",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_get_shared_data",
    "proxy_dequeue_shared_queue",
    "proxy_call_foreign_function",
    "proxy_get_status",
];

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A hostcall answers something else.
    Hostcall(Inject),
    /// Every callout breaks off.
    CalloutsReset,
    /// No callout is answered.
    CalloutsTimeOut,
    /// No cluster can be connected to.
    CalloutsRefused,
    /// Each client leaves when its request is first paused.
    ClientsLeave,
}

impl Fault {
    fn apply(&self, host: &TestHost) {
        let injections = &host.world.injections;
        match self {
            Self::Hostcall(inject) => injections.add(inject.clone()),
            Self::CalloutsReset => injections.set_callout_fate(Kind::Reset),
            Self::CalloutsTimeOut => injections.set_callout_fate(Kind::Silent),
            Self::CalloutsRefused => injections.set_callout_fate(Kind::Refused),
            Self::ClientsLeave => injections.clients_leave.set(true),
        }
    }

    /// Whether a request may stay paused for ever because of it.
    fn bars_the_way(&self) -> bool {
        matches!(self, Self::Hostcall(inject) if WAYS_OUT.contains(&inject.name()))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hostcall(inject) => write!(f, "{inject}"),
            Self::CalloutsReset => f.write_str("callouts break off"),
            Self::CalloutsTimeOut => f.write_str("callouts time out"),
            Self::CalloutsRefused => f.write_str("callouts find nobody"),
            Self::ClientsLeave => f.write_str("clients leave when paused"),
        }
    }
}

/// What a fault made of the filter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The fault.
    pub fault: Fault,
    /// What it did.
    pub what: String,
}

/// What a sweep has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a sweep says what it found only by `assert_survived`"]
pub struct Sweep {
    /// How many faults were tried.
    pub tried: usize,
    /// Those that the filter did not survive.
    pub failures: Vec<Failure>,
}

impl Sweep {
    /// Asserts that nothing panicked, trapped, ran too long, stayed paused or was leaked.
    ///
    /// # Panics
    ///
    /// When something did, with a line for each fault.
    #[track_caller]
    pub fn assert_survived(&self) {
        assert!(self.tried > 0, "the scenario makes no hostcall");
        let lines: Vec<_> = self.failures.iter().map(ToString::to_string).collect();
        assert!(
            lines.is_empty(),
            "{} of {} faults were not survived:\n{}",
            lines.len(),
            self.tried,
            lines.join("\n")
        );
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fault, self.what)
    }
}

/// Plays a scenario once to see which hostcalls it makes, then again with each fault: each status
/// that each hostcall can answer, each time and one time, malformed maps and values, callouts that
/// fail, clients that leave; natively also hosts that call back.
///
/// The scenario must not assert what becomes of its requests, as that differs. What is looked for
/// are panics, traps, callbacks that never return, requests that stay paused although nothing bars
/// their way, and contexts or callouts that are kept. A start that is refused is no failure.
///
/// ```
/// # use tollgate::prelude::*;
/// # struct Pass;
/// # impl Plugin for Pass {
/// #     const NAME: &'static str = "pass";
/// #     type Config = ();
/// #     async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> { Ok(Self) }
/// # }
/// # #[http_filter]
/// # impl HttpFilter for Pass {
/// #     type State = ();
/// #     async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
/// #         Ok(ex.set_header("x-passed", "yes")?)
/// #     }
/// # }
/// use tollgate_testing::{TestHost, for_each_fault};
///
/// let make = || TestHost::native::<Pass>("{}");
/// for_each_fault(make, |t| {
///     t.get("/").send();
/// })
/// .assert_survived();
/// ```
///
/// # Panics
///
/// When the scenario does without any fault.
pub fn for_each_fault(make: impl Fn() -> TestHost, scenario: impl Fn(&TestHost)) -> Sweep {
    let sound = make();
    scenario(&sound);
    let mut sweep = Sweep::default();
    for fault in faults(&sound) {
        sweep.tried += 1;
        let host = make();
        fault.apply(&host);
        if let Some(what) = play(&host, &fault, &scenario) {
            sweep.failures.push(Failure { fault, what });
        }
    }
    sweep
}

/// Plays the scenario; what went wrong beyond the fault.
fn play(host: &TestHost, fault: &Fault, scenario: impl Fn(&TestHost)) -> Option<String> {
    let played = catch_unwind(AssertUnwindSafe(|| match host.start() {
        Ok(()) => {
            scenario(host);
            None
        }
        Err(error) if error.is_crash() => Some(format!("the start crashed: {error}")),
        Err(_refused) => None,
    }));
    match played {
        Err(panic) => return Some(format!("panicked: {}", panic_text(&*panic))),
        Ok(Some(crash)) => return Some(crash),
        Ok(None) => {}
    }
    let mut failures = host.failures().into_iter();
    let failure = failures.find(|end| *end != End::Stuck || !fault.bars_the_way());
    if let Some(end) = failure {
        return Some(format!("a stream ended: {end:?}"));
    }
    host.leaks().into_iter().next()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

/// Every fault for a scenario that has been played on this host.
fn faults(played: &TestHost) -> Vec<Fault> {
    let mut faults = vec![
        Fault::CalloutsReset,
        Fault::CalloutsTimeOut,
        Fault::CalloutsRefused,
        Fault::ClientsLeave,
    ];
    for (hostcall, count) in played.world.injections.counts() {
        let calls = (1..=count.min(MOST_CALLS)).map(Some).chain([None]);
        for nth in calls {
            let answers = answers(hostcall, nth).into_iter();
            faults
                .extend(answers.map(|answer| Fault::Hostcall(Inject::new(hostcall, nth, answer))));
        }
    }
    faults
}

/// What a hostcall can answer that it should not, each time or one time.
fn answers(hostcall: &str, nth: Option<usize>) -> Vec<Answer> {
    let statuses = Status::ALL.iter().map(|status| status.to_u32());
    let statuses = statuses.filter(|status| *status != 0);
    let mut answers: Vec<_> = statuses
        .chain([UNKNOWN_STATUS])
        .map(Answer::Status)
        .collect();
    // A queue that always has another item would keep who empties it busy for ever.
    let is_endless = hostcall == "proxy_dequeue_shared_queue" && nth.is_none();
    if RETURNING_BYTES.contains(&hostcall) && !is_endless {
        answers.extend(MALFORMED.map(|bytes| Answer::Bytes(bytes.to_vec())));
    }
    answers.push(Answer::CallBack);
    answers
}
