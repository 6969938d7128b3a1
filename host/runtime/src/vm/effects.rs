//! Effects: what a guest asked for that waits until its callback has returned.

use std::collections::VecDeque;

use super::VmState;
use crate::ContextId;
use crate::host::{Direction, LocalResponse};

/// A deferred effect on a context.
#[derive(Debug)]
pub(crate) enum Effect {
    ContinueStream(ContextId, Direction),
    CloseStream(ContextId),
    SendLocalResponse(ContextId, Box<LocalResponse>),
    DeleteRoot(ContextId),
}

impl Effect {
    /// Whether both do the same, so that the second adds nothing: a guest that repeats itself
    /// cannot grow the queue. Of two local responses for a stream the first wins.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ContinueStream(id, direction), Self::ContinueStream(other, side)) => {
                id == other && direction == side
            }
            (Self::CloseStream(id), Self::CloseStream(other))
            | (Self::SendLocalResponse(id, _), Self::SendLocalResponse(other, _))
            | (Self::DeleteRoot(id), Self::DeleteRoot(other)) => id == other,
            _ => false,
        }
    }
}

impl VmState {
    pub(crate) fn defer(&mut self, effect: Effect) {
        if !self.effects.iter().any(|queued| queued.repeats(&effect)) {
            self.effects.push_back(effect);
        }
    }

    /// Takes a resume of this direction out of the queue; returns whether there was one.
    pub(crate) fn take_resume(&mut self, id: ContextId, direction: Direction) -> bool {
        let resume = Effect::ContinueStream(id, direction);
        let found = self
            .effects
            .iter()
            .position(|queued| queued.repeats(&resume));
        found.and_then(|index| self.effects.remove(index)).is_some()
    }

    /// Takes the effects in their order.
    pub(crate) fn take_effects(&mut self) -> VecDeque<Effect> {
        std::mem::take(&mut self.effects)
    }
}
