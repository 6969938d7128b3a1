//! `Lane`: one direction of a filter chain, and what each filter holds back in it.

use smallvec::SmallVec;

use super::Direction;
use super::buffer::BodyBuffer;
use super::event_queue::EventQueue;

/// What moves from one filter to the next.
#[derive(Debug)]
pub(super) enum Frame {
    Headers {
        end_of_stream: bool,
    },
    Data {
        body: BodyBuffer,
        end_of_stream: bool,
    },
    Trailers,
}

/// One direction: what each filter holds, and what has come out at the end.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) direction: Direction,
    pub(super) out: EventQueue,
    /// A local reply or a reset ended this direction; whatever still arrives is dropped.
    pub(super) closed: bool,
    stages: SmallVec<[Stage; 2]>,
}

/// What one filter holds back.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) stop: Stop,
    pub(super) headers_held: bool,
    /// Held where the filter does not see it; what it sees is in its port.
    pub(super) held: BodyBuffer,
    /// Data is held, be it empty: Envoy then ends the message with a data frame.
    pub(super) data_held: bool,
    /// What is held is in the port and more is added to it there.
    pub(super) buffering: bool,
    pub(super) end_seen: bool,
    pub(super) trailers: Trailers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stop {
    /// Everything flows.
    #[default]
    None,
    /// Nothing goes on, but the filter is called for what arrives.
    One,
    /// Nothing goes on and the filter is not called.
    All { buffer_limit_is_final: bool },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trailers {
    #[default]
    None,
    /// Arrived while the filter had stopped everything: it has yet to see them.
    Waiting,
    /// Seen, or made by the filter itself.
    Seen,
}

impl Stage {
    /// Returns whether everything goes on and nothing is held.
    pub(super) fn is_flowing(&self) -> bool {
        self.stop == Stop::None && !self.headers_held && !self.data_held && !self.buffering
    }
}

impl Lane {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            out: EventQueue::default(),
            closed: false,
            stages: SmallVec::new(),
        }
    }

    /// Ends this direction.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.out.clear();
        for stage in &mut self.stages {
            *stage = Stage::default();
        }
    }

    pub(super) fn stage(&mut self, at: usize) -> &mut Stage {
        // Most filters of most streams need none.
        if at >= self.stages.len() {
            self.stages.resize_with(at + 1, Stage::default);
        }
        #[expect(clippy::indexing_slicing, reason = "the line above makes room")]
        &mut self.stages[at]
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.stages.iter().map(|stage| stage.held.len()).sum()
    }
}
