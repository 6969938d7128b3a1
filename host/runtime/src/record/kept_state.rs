//! `StateCheck`: finds filters that handle a stream otherwise because of streams before it.
//!
//! What has ended is played once more, to a guest whose memory is as the other isolation would have
//! left it: to one that has seen its roots' callbacks and no stream, where streams share a VM; to
//! one that has seen all streams, where each has an instance. The answers to its hostcalls are those
//! that were recorded, so that nothing but its memory can make it ask or tell anything else. What a
//! filter keeps without effect, such as a cache of what it can compute, is none of the check's
//! business, unless it grows.

use std::fmt;
use std::rc::Rc;

use super::finished::{EndOf, Finished, FinishedSteps};
use super::player::Player;
use super::replay::{Divergence, End, Listener, run};
use super::step::is_compared;
use crate::vm::{ReplayVm, SavedGuest};
use crate::{FaultKind, Isolation, LoadError, Module, VmConfig};

/// Growth of a guest's memory that needs no reason: an allocator takes more than it is asked for.
const SLACK: usize = 256 * 1024;

/// What shows that a filter keeps something in its memory from one stream to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptState {
    /// A stream is handled otherwise.
    Stream(Divergence),
    /// A callback of a root does something else, such as a tick that reports what was counted.
    RootCallback(Divergence),
    /// The filter crashes without it, or with it.
    Fault(String),
    /// All that can be said is that it becomes more.
    Growth {
        /// How much larger the memory is than one stream at a time would make it.
        bytes: usize,
    },
}

/// The guest that a VM's streams are played to. It belongs to one thread.
pub struct StateCheck {
    module: Module,
    config: VmConfig,
    /// A guest in which callbacks of roots are played, and streams unless each gets its own.
    vm: ReplayVm,
    /// What each stream begins with; `None` where streams find what those before have left.
    fresh: Option<SavedGuest>,
    /// How much memory one stream has needed, at most.
    need: usize,
    most_streams: usize,
    /// How large the memory is without streams.
    start_bytes: usize,
    is_over: bool,
}

impl StateCheck {
    /// Returns a check of the VM that `first` comes from, whose streams share it or have instances
    /// of their own. `None` when its start cannot be played.
    ///
    /// # Errors
    ///
    /// When the module cannot be instantiated.
    pub fn new(
        module: &Module,
        isolation: Isolation,
        first: &Finished,
    ) -> Result<Option<Self>, LoadError> {
        let config = VmConfig {
            is_recorded: false,
            keeps_finished: false,
            ..first.config.clone()
        };
        let mut vm = guest(module, &config)?;
        if let Some(player) = vm.player_mut() {
            player.continue_with(first.start.iter().cloned());
        }
        if !matches!(run(&mut vm), End::Passed(None)) {
            return Ok(None);
        }
        Ok(Some(Self {
            fresh: (isolation == Isolation::Worker).then(|| vm.save(module)),
            start_bytes: vm.memory_bytes(),
            module: module.clone(),
            config,
            vm,
            need: 0,
            most_streams: 1,
            is_over: false,
        }))
    }

    /// Plays what has ended. Must be given all that ends in the VM and its instances, in the order
    /// of the ends. Returns what is found; after that, or when something is missing, the check
    /// [is over](Self::is_over).
    ///
    /// # Errors
    ///
    /// When there is no memory for one more guest.
    pub fn check(&mut self, finished: &Finished) -> Result<Option<KeptState>, LoadError> {
        let ends = &finished.ends;
        self.is_over |= ends.has_lost;
        self.most_streams = self.most_streams.max(ends.most_streams);
        for end in &ends.ends {
            if self.is_over {
                return Ok(None);
            }
            let found = match end.end_of {
                EndOf::RootCallback => self.play_root_callback(end),
                EndOf::Stream => self.play_stream(end, finished.memory_bytes)?,
            };
            self.is_over |= found.is_some() || self.vm.has_failed();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Returns whether nothing more will be found.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    fn play_root_callback(&mut self, end: &FinishedSteps) -> Option<KeptState> {
        let found = play(&mut self.vm, end).map(|found| match found {
            KeptState::Stream(divergence) => KeptState::RootCallback(divergence),
            other @ (KeptState::RootCallback(_)
            | KeptState::Fault(_)
            | KeptState::Growth { .. }) => other,
        });
        if let Some(fresh) = &mut self.fresh {
            *fresh = self.vm.save(&self.module);
        }
        found
    }

    fn play_stream(
        &mut self,
        end: &FinishedSteps,
        memory_bytes: usize,
    ) -> Result<Option<KeptState>, LoadError> {
        let is_proof = end.is_whole && !end.spans_root_callback;
        let Some(fresh) = &self.fresh else {
            // What it leaves belongs to what later streams find.
            self.is_over |= !is_proof;
            if self.is_over {
                return Ok(None);
            }
            let found = play(&mut self.vm, end);
            let growth = self.growth(memory_bytes, self.vm.memory_bytes());
            return Ok(found.or(growth));
        };
        if !is_proof {
            return Ok(None);
        }
        let mut vm = guest(&self.module, &self.config)?;
        vm.load(fresh)
            .map_err(|error| LoadError::Instantiate(format!("{error:#}")))?;
        // What this stream defines is known to those after it.
        if let Some((shared, own)) = self.vm.player_mut().zip(vm.player_mut()) {
            for step in &end.steps {
                shared.learn(step);
            }
            own.succeed(shared);
        }
        let found = play(&mut vm, end);
        let growth = self.growth(vm.memory_bytes(), memory_bytes);
        Ok(found.or(growth))
    }

    /// Judges the memory that one stream alone leaves, and that which all of them have left.
    fn growth(&mut self, alone: usize, together: usize) -> Option<KeptState> {
        self.need = self.need.max(alone.saturating_sub(self.start_bytes));
        // Twice, for free blocks lie between those in use.
        let due = self.need.saturating_mul(2 * self.most_streams);
        let due = self.start_bytes.saturating_add(due).saturating_add(SLACK);
        (together > due).then(|| KeptState::Growth {
            bytes: together - self.start_bytes,
        })
    }
}

fn guest(module: &Module, config: &VmConfig) -> Result<ReplayVm, LoadError> {
    let services = Rc::new(Listener::default());
    ReplayVm::new(
        module,
        config.clone(),
        services,
        Player::comparing(),
        is_compared,
    )
}

fn play(vm: &mut ReplayVm, end: &FinishedSteps) -> Option<KeptState> {
    let player = vm.player_mut()?;
    player.continue_with(end.steps.iter().cloned());
    let end = run(vm);
    if vm.player_mut().is_some_and(|player| player.has_given_up) {
        return None;
    }
    match end {
        End::Passed(None) => None,
        End::Passed(made) => Some(KeptState::Stream(Divergence {
            hostcall: vm.player_mut().map_or(0, |player| player.answered) + 1,
            recorded: None,
            made,
        })),
        End::Diverged(divergence) => Some(KeptState::Stream(divergence)),
        // On a busy machine it would come by chance.
        End::Fault(fault) if fault.kind == FaultKind::Deadline => None,
        End::Fault(fault) => Some(KeptState::Fault(fault.to_string())),
    }
}

impl fmt::Debug for StateCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateCheck")
            .field("module", &self.module)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
