//! Player: answers a guest's hostcalls by a recording.

use std::collections::{HashMap, VecDeque};

use super::replay::Divergence;
use super::step::{self, Kind, Output, Step};
use crate::hostcalls::{Arguments, Hostcall, Stop};
use crate::imports::{Import, env};

/// The steps that are still to come.
#[derive(Debug)]
pub(crate) struct Player {
    steps: VecDeque<Step>,
    /// How many hostcalls were answered.
    pub(super) answered: usize,
    pub(super) divergence: Option<Divergence>,
    /// In a comparison with another history, the metrics that were defined, by what was asked: it
    /// makes no difference when, or how often.
    metrics: Option<HashMap<u64, step::Hostcall>>,
    /// Whether a comparison has ended because what was asked is not known.
    pub(super) has_given_up: bool,
}

impl Player {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            answered: 0,
            divergence: None,
            metrics: None,
            has_given_up: false,
        }
    }

    /// Returns a player that compares a guest with one that has another history.
    pub(super) fn comparing() -> Self {
        Self {
            metrics: Some(HashMap::new()),
            ..Self::new([])
        }
    }

    /// Goes on with these steps.
    pub(super) fn continue_with(&mut self, steps: impl IntoIterator<Item = Step>) {
        if self.metrics.is_none() {
            return self.steps.extend(steps);
        }
        for step in steps {
            if !self.learn(&step) {
                self.steps.push_back(step);
            }
        }
    }

    /// Remembers a metric that was defined, in a comparison. Returns whether the step is that.
    pub(super) fn learn(&mut self, step: &Step) -> bool {
        match (&mut self.metrics, &step.kind) {
            (Some(metrics), Some(Kind::Hostcall(call))) if call.name == env::DEFINE_METRIC.name => {
                metrics.insert(call.asked, call.clone());
                true
            }
            _ => false,
        }
    }

    /// Returns the next callback; `Err` names the hostcall that the guest should have made before.
    pub(super) fn next_callback(&mut self) -> Result<Option<step::Callback>, String> {
        match self.steps.pop_front().and_then(|step| step.kind) {
            None => Ok(None),
            Some(Kind::Callback(callback)) => Ok(Some(callback)),
            Some(Kind::Hostcall(call)) => Err(describe(&call)),
        }
    }

    /// Returns whether all callbacks have been made.
    pub(super) fn is_last(&self) -> bool {
        let is_callback = |step: &Step| matches!(step.kind, Some(Kind::Callback(_)));
        !self.steps.iter().any(is_callback)
    }

    /// Returns the answers of a comparison whose guest is new.
    pub(super) fn succeed(&mut self, other: &Self) {
        self.metrics.clone_from(&other.metrics);
    }

    /// Returns the recorded hostcall that answers this one.
    fn answer(&mut self, import: &Import, asked: u64) -> Option<step::Hostcall> {
        match &self.metrics {
            Some(metrics) if import.index == env::DEFINE_METRIC.index => {
                let known = metrics.get(&asked).cloned();
                self.has_given_up |= known.is_none();
                known
            }
            _ => self.next_hostcall(),
        }
    }

    fn next_hostcall(&mut self) -> Option<step::Hostcall> {
        match &self.steps.front()?.kind {
            Some(Kind::Hostcall(_)) => {}
            Some(Kind::Callback(_)) | None => return None,
        }
        match self.steps.pop_front()?.kind? {
            Kind::Hostcall(call) => Some(call),
            Kind::Callback(_) => None,
        }
    }
}

/// Returns a hostcall as people write it.
fn describe(call: &step::Hostcall) -> String {
    format!("{}({})", call.name, call.arguments)
}

/// Answers a hostcall as it was answered when it was recorded. Another hostcall than the recorded
/// one ends the guest.
#[cold]
pub(crate) fn play(
    call: &mut Hostcall<'_>,
    import: &'static Import,
    arguments: &[u64],
) -> Result<u32, wasmtime::Error> {
    let (memory, state) = call.split();
    let compares = state
        .player
        .as_ref()
        .is_some_and(|player| player.metrics.is_some());
    let asked = if compares {
        step::compared(import, arguments, memory)
    } else {
        step::asked(import, arguments, memory)
    };
    let made = || {
        let arguments = Arguments::new(import, arguments, memory);
        format!("{}({arguments})", import.name)
    };
    let Some(player) = &mut state.player else {
        wasmtime::bail!("there is no recording");
    };
    let recorded = player.answer(import, asked);
    let is_same =
        |recorded: &step::Hostcall| recorded.name == import.name && recorded.asked == asked;
    let Some(answer) = recorded.as_ref().filter(|recorded| is_same(recorded)) else {
        player.divergence = Some(Divergence {
            hostcall: player.answered + 1,
            recorded: recorded.as_ref().map(describe),
            made: Some(made()),
        });
        wasmtime::bail!("the guest makes another hostcall than was recorded");
    };
    player.answered += 1;
    let (status, outputs) = (answer.status, answer.outputs.clone());
    for output in &outputs {
        match write(call, import, arguments, output) {
            // The status says so already.
            Ok(()) | Err(Stop::Refused(_)) => {}
            Err(Stop::Trapped(error)) => return Err(error),
        }
    }
    Ok(status)
}

fn write(
    call: &mut Hostcall<'_>,
    import: &Import,
    arguments: &[u64],
    output: &Output,
) -> Result<(), Stop> {
    let word = |index: u32| {
        let index = usize::try_from(index).ok()?;
        u32::try_from(*arguments.get(index)?).ok()
    };
    let Some(address) = word(output.word) else {
        return Ok(());
    };
    if !output.is_block {
        return call.write(address, &output.bytes);
    }
    let wants = |address: u32| address != 0 || import.index != env::CALL_FOREIGN_FUNCTION.index;
    let size = u32::try_from(output.bytes.len()).unwrap_or(u32::MAX);
    let block = if size == 0 || !wants(address) {
        0
    } else {
        call.allocate_copy(&output.bytes, size)?
    };
    if wants(address) {
        call.write_u32(address, block)?;
    }
    match word(output.word + 1) {
        Some(address) if wants(address) => call.write_u32(address, size),
        Some(_) | None => Ok(()),
    }
}
