//! Replay: a recording brought to a module again.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tollgate_abi::limits::MAX_MEMORY_BYTES;
use tollgate_abi::{LogLevel, Status};

use super::bundle::{CrashBundle, FaultPart};
use super::player::Player;
use super::recording::VmPart;
use super::step::is_recorded;
use crate::host::{HostServices, HttpCall, LogOrigin, PropertyResult};
use crate::vm::{ReplayEnd, ReplayVm};
use crate::{
    CalloutRefusal, ContextId, Fault, Fingerprint, Limits, LoadError, Module, SourceFrame, Symbols,
    VmConfig,
};

/// Most log lines that are kept.
const MAX_LINES: usize = 10_000;

/// What a module did when a bundle was replayed on it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Replay {
    /// What became of the fault.
    pub outcome: ReplayOutcome,
    /// The fault that happened, if one did.
    pub fault: Option<Fault>,
    /// Its stack in terms of the source.
    pub frames: Vec<SourceFrame>,
    /// How many hostcalls were answered from the bundle.
    pub hostcalls: usize,
    /// What the guest logged.
    pub log: Vec<(LogLevel, Vec<u8>)>,
}

/// What became of a bundle's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayOutcome {
    /// It happened again.
    Same,
    /// Another fault happened.
    Other(Fingerprint),
    /// No fault happened: the guest did all that was recorded, and then this, if anything.
    Passed(Option<String>),
    /// The guest went another way before it came to the fault.
    Diverged(Divergence),
}

/// Where a guest goes another way than the one that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// Which hostcall it is, from 1.
    pub hostcall: usize,
    /// The hostcall that was recorded; `None` where the callback returned.
    pub recorded: Option<String>,
    /// The hostcall that the guest makes; `None` where it makes none.
    pub made: Option<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |call: &Option<String>| match call {
            Some(call) => call.clone(),
            None => "the end of the callback".to_owned(),
        };
        let (recorded, made) = (name(&self.recorded), name(&self.made));
        write!(
            f,
            "at hostcall {} the bundle has {recorded}, the module {made}",
            self.hostcall
        )
    }
}

impl CrashBundle {
    /// Has a module do what the bundle's did, with the same answers to its hostcalls. Somebody must
    /// call [`Engine::increment_epoch`](crate::Engine::increment_epoch) meanwhile, or an endless
    /// loop does not end.
    ///
    /// # Errors
    ///
    /// When the module cannot be instantiated.
    pub fn replay(&self, module: &Module) -> Result<Replay, LoadError> {
        let services = Rc::new(Listener::default());
        let content = &self.content;
        let steps = content.start.iter().chain(&content.own).cloned();
        let config = content.vm.as_ref().map(vm_config).unwrap_or_default();
        let host = Rc::clone(&services);
        let mut vm = ReplayVm::new(module, config, host, Player::new(steps), is_recorded)?;
        let end = run(&mut vm);
        let hostcalls = vm.player_mut().map_or(0, |player| player.answered);
        let mut replay = Replay {
            outcome: ReplayOutcome::Passed(None),
            fault: None,
            frames: Vec::new(),
            hostcalls,
            log: services.lines.take(),
        };
        match end {
            End::Passed(then) => replay.outcome = ReplayOutcome::Passed(then),
            End::Diverged(divergence) => replay.outcome = ReplayOutcome::Diverged(divergence),
            End::Fault(mut fault) => {
                fault.plugin = self.fault().map(|f| f.plugin.clone()).unwrap_or_default();
                replay.frames = Symbols::new(module.bytes()).resolve(&fault.details.backtrace);
                let fingerprint = Fingerprint::new(&fault, &replay.frames);
                let is_same = self
                    .fault()
                    .is_some_and(|met| is_same(met, &fault, fingerprint));
                replay.outcome = if is_same {
                    ReplayOutcome::Same
                } else {
                    ReplayOutcome::Other(fingerprint)
                };
                replay.fault = Some(*fault);
            }
        }
        Ok(replay)
    }
}

/// A module that was built with other symbols may give its functions other names; then the guest's
/// own last words tell.
fn is_same(met: &FaultPart, fault: &Fault, fingerprint: Fingerprint) -> bool {
    let words = |words: &str| -> String { words.chars().filter(|c| !c.is_numeric()).collect() };
    let said = fault.details.last_words.as_deref().unwrap_or_default();
    let says_the_same = !said.is_empty() && words(said) == words(&met.last_words);
    met.fingerprint == fingerprint.to_string()
        || (met.callback == fault.callback && met.kind == fault.kind.name() && says_the_same)
}

/// How a replay ended.
pub(super) enum End {
    Passed(Option<String>),
    Diverged(Divergence),
    Fault(Box<Fault>),
}

pub(super) fn run(vm: &mut ReplayVm) -> End {
    loop {
        let Some(player) = vm.player_mut() else {
            return End::Passed(None);
        };
        let callback = match player.next_callback() {
            Ok(None) => return End::Passed(None),
            Ok(Some(callback)) => callback,
            Err(recorded) => {
                return End::Diverged(Divergence {
                    hostcall: player.answered + 1,
                    recorded: Some(recorded),
                    made: None,
                });
            }
        };
        match vm.call(&callback) {
            Ok(()) => {}
            Err(ReplayEnd::NoCallback(name)) => {
                let hostcall = vm.player_mut().map_or(0, |player| player.answered) + 1;
                return End::Diverged(Divergence {
                    hostcall,
                    recorded: Some(format!("the callback {name}")),
                    made: Some("has no such callback".to_owned()),
                });
            }
            Err(ReplayEnd::Fault(fault)) => return after(vm, fault),
        }
    }
}

/// A divergence ends the guest with a fault of the player's own.
fn after(vm: &mut ReplayVm, fault: Box<Fault>) -> End {
    let Some(player) = vm.player_mut() else {
        return End::Fault(fault);
    };
    let is_last = player.is_last();
    match player.divergence.take() {
        None => End::Fault(fault),
        Some(Divergence {
            recorded: None,
            made,
            ..
        }) if is_last => End::Passed(made),
        Some(divergence) => End::Diverged(divergence),
    }
}

fn vm_config(part: &VmPart) -> VmConfig {
    let default = Limits::default();
    let limit = |number: u64, most: usize| match usize::try_from(number) {
        Ok(0) | Err(_) => most,
        Ok(number) => number.min(most),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let environment = part.environment.iter();
    VmConfig {
        vm_id: part.vm_id.clone(),
        configuration: part.configuration.clone().into(),
        environment: environment
            .map(|pair| (text(&pair.name), text(&pair.value)))
            .collect(),
        allowed_capabilities: Some(part.allowed_capabilities.iter().cloned().collect()),
        limits: Limits {
            memory_bytes: limit(part.memory_bytes, MAX_MEMORY_BYTES),
            table_elements: limit(part.table_elements, default.table_elements),
            ..default
        },
        ..VmConfig::default()
    }
}

/// Keeps what the guest logs; all else is answered by the player.
#[derive(Default)]
pub(super) struct Listener {
    lines: RefCell<Vec<(LogLevel, Vec<u8>)>>,
}

impl HostServices for Listener {
    fn log(&self, _origin: LogOrigin<'_>, level: LogLevel, message: &[u8]) {
        let mut lines = self.lines.borrow_mut();
        if lines.len() < MAX_LINES {
            lines.push((level, message.to_vec()));
        }
    }

    fn log_level(&self) -> Option<LogLevel> {
        Some(LogLevel::Trace)
    }

    fn realtime_nanos(&self) -> u64 {
        0
    }

    fn monotonic_nanos(&self) -> u64 {
        0
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(0);
    }

    fn set_tick_period(&self, _root: ContextId, _period: Option<Duration>) {}

    fn start_http_call(
        &self,
        _root: ContextId,
        _token: u32,
        _call: HttpCall,
    ) -> Result<(), CalloutRefusal> {
        Err(CalloutRefusal {
            status: Status::InternalFailure,
            reason: "nothing is sent in a replay".to_owned(),
        })
    }

    fn property(&self, _path: &[&[u8]]) -> PropertyResult {
        Err(Status::NotFound)
    }
}
