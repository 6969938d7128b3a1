//! Effects: what a guest asked for that waits until its callback has returned.

use std::collections::VecDeque;

use super::VmState;
use crate::ContextId;
use crate::host::{Direction, LocalResponse, TcpPeer};

/// A deferred effect on a context.
#[derive(Debug)]
pub(crate) enum Effect {
    ContinueStream(ContextId, Direction),
    CloseStream(ContextId),
    ContinueDownstream(ContextId),
    CloseConnection(ContextId, TcpPeer),
    SendLocalResponse(ContextId, Box<LocalResponse>),
    DeleteRoot(ContextId),
    /// A gRPC callout could not start. The plugin's limit of callouts bounds how many there are.
    CloseGrpc {
        root: ContextId,
        token: u32,
        status: u32,
        message: String,
    },
}

impl Effect {
    /// Whether both do the same, so that the second adds nothing: a guest that repeats itself
    /// cannot grow the queue. Of two local responses for a stream the first wins.
    fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ContinueStream(id, direction), Self::ContinueStream(other, side)) => {
                id == other && direction == side
            }
            (Self::CloseConnection(id, peer), Self::CloseConnection(other, end)) => {
                id == other && peer == end
            }
            (Self::CloseStream(id), Self::CloseStream(other))
            | (Self::ContinueDownstream(id), Self::ContinueDownstream(other))
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
        self.take(&Effect::ContinueStream(id, direction))
    }

    /// Takes a resume of a TCP connection out of the queue; returns whether there was one.
    pub(crate) fn take_downstream_resume(&mut self, id: ContextId) -> bool {
        self.take(&Effect::ContinueDownstream(id))
    }

    fn take(&mut self, effect: &Effect) -> bool {
        let found = self
            .effects
            .iter()
            .position(|queued| queued.repeats(effect));
        found.and_then(|index| self.effects.remove(index)).is_some()
    }

    /// Takes the effects in their order.
    pub(crate) fn take_effects(&mut self) -> VecDeque<Effect> {
        std::mem::take(&mut self.effects)
    }
}
