//! `GrpcCallouts`: a plugin's gRPC calls and streams, and what the callback that runs may read.

use std::collections::{HashMap, HashSet};

use crate::host::Header;

/// What a token stands for, as its low bits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrpcKind {
    Call,
    Stream,
}

impl GrpcKind {
    /// Returns the kind, or `None` for a token that is none of gRPC's.
    pub(crate) const fn of_token(token: u32) -> Option<Self> {
        match token & 3 {
            1 => Some(Self::Call),
            2 => Some(Self::Stream),
            _ => None,
        }
    }

    /// Tokens of calls are 5, 9, 13 …, those of streams 6, 10, 14 …
    pub(crate) const fn first_token(self) -> u32 {
        match self {
            Self::Call => 5,
            Self::Stream => 6,
        }
    }
}

/// What a callback delivers; readable until it returns.
#[derive(Debug)]
pub(crate) enum GrpcEvent {
    InitialMetadata(Vec<Header>),
    Message(Vec<u8>),
    TrailingMetadata(Vec<Header>),
}

/// Which ends of a stream have closed.
#[derive(Clone, Copy, Debug, Default)]
struct Closed {
    here: bool,
    there: bool,
}

/// The gRPC callouts of a plugin.
#[derive(Debug, Default)]
pub(crate) struct GrpcCallouts {
    calls: HashSet<u32>,
    streams: HashMap<u32, Closed>,
    pub(crate) event: Option<GrpcEvent>,
}

impl GrpcCallouts {
    pub(crate) fn len(&self) -> usize {
        self.calls.len() + self.streams.len()
    }

    pub(crate) fn contains(&self, token: u32) -> bool {
        self.calls.contains(&token) || self.streams.contains_key(&token)
    }

    pub(crate) fn insert(&mut self, kind: GrpcKind, token: u32) {
        match kind {
            GrpcKind::Call => drop(self.calls.insert(token)),
            GrpcKind::Stream => drop(self.streams.insert(token, Closed::default())),
        }
    }

    pub(crate) fn remove(&mut self, token: u32) -> bool {
        self.calls.remove(&token) || self.streams.remove(&token).is_some()
    }

    /// Returns whether the upstream has ended a stream, or `None` without such a stream.
    pub(crate) fn is_closed_there(&self, stream: u32) -> Option<bool> {
        self.streams.get(&stream).map(|closed| closed.there)
    }

    /// The guest sends no more. A stream that the upstream has ended is forgotten.
    pub(crate) fn close_here(&mut self, stream: u32) {
        if let Some(closed) = self.streams.get_mut(&stream) {
            closed.here = true;
            if closed.there {
                self.streams.remove(&stream);
            }
        }
    }

    /// The upstream has ended a stream. Its token stays valid.
    pub(crate) fn close_there(&mut self, stream: u32) {
        if let Some(closed) = self.streams.get_mut(&stream) {
            closed.there = true;
        }
    }

    /// The last callback of a callout is over: a call is forgotten, and a stream if the guest has
    /// closed it too. Otherwise its token is kept until the guest closes or cancels it.
    pub(crate) fn end(&mut self, token: u32) {
        self.calls.remove(&token);
        if self.streams.get(&token).is_some_and(|closed| closed.here) {
            self.streams.remove(&token);
        }
    }

    /// Takes all tokens whose callouts are still under way.
    pub(crate) fn take_live(&mut self) -> Vec<u32> {
        let live = self.streams.drain().filter(|(_, closed)| !closed.there);
        let mut tokens: Vec<_> = live.map(|(token, _)| token).collect();
        tokens.extend(self.calls.drain());
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::{GrpcCallouts, GrpcKind};

    #[test]
    fn the_low_bits_of_a_token_say_what_it_stands_for() {
        let kinds = [4, 5, 6, 7, 8, 9, 10].map(GrpcKind::of_token);
        let (call, stream) = (Some(GrpcKind::Call), Some(GrpcKind::Stream));
        assert_eq!(kinds, [None, call, stream, None, None, call, stream]);
    }

    #[test]
    fn a_stream_is_forgotten_when_both_ends_have_closed() {
        let mut callouts = GrpcCallouts::default();
        for token in [6, 10] {
            callouts.insert(GrpcKind::Stream, token);
        }
        callouts.close_here(6);
        callouts.close_there(6);
        assert_eq!(callouts.is_closed_there(6), Some(true));
        callouts.end(6);
        assert!(!callouts.contains(6));
        callouts.close_there(10);
        callouts.end(10);
        assert!(callouts.contains(10), "the guest may still ask for it");
        callouts.close_here(10);
        assert_eq!(callouts.len(), 0);
    }

    #[test]
    fn what_the_upstream_has_ended_is_not_live() {
        let mut callouts = GrpcCallouts::default();
        callouts.insert(GrpcKind::Call, 5);
        callouts.insert(GrpcKind::Stream, 6);
        callouts.insert(GrpcKind::Stream, 10);
        callouts.close_there(6);
        let mut live = callouts.take_live();
        live.sort_unstable();
        assert_eq!(live, [5, 10]);
        assert_eq!(callouts.len(), 0);
    }
}
