//! Actions: what a stream callback answers, as Envoy reads each number.
//!
//! The specification knows Continue (0) and Pause (1); Envoy accepts its whole enumerations and
//! maps every other number to a stop, so these conversions are total.

/// What the three kinds of actions have in common.
pub trait Action: Copy + PartialEq {
    /// Passes on what the callback was given, and what was held.
    const CONTINUE: Self;

    /// What Envoy takes instead of a callback's own answer once the stream ends otherwise: by a
    /// local response, or because the guest has failed.
    const CLOSED: Self;
}

impl Action for HeadersAction {
    const CONTINUE: Self = Self::Continue;
    const CLOSED: Self = Self::StopAllIterationAndWatermark;
}

impl Action for DataAction {
    const CONTINUE: Self = Self::Continue;
    const CLOSED: Self = Self::StopIterationNoBuffer;
}

impl Action for TrailersAction {
    const CONTINUE: Self = Self::Continue;
    const CLOSED: Self = Self::StopIteration;
}

impl Action for NetworkAction {
    const CONTINUE: Self = Self::Continue;
    const CLOSED: Self = Self::StopIteration;
}

/// The answer of a headers callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadersAction {
    /// Pass the headers on.
    Continue,
    /// Hold the headers, keep delivering the body to this filter. Envoy honours it only with
    /// `allow_on_headers_stop_iteration`; otherwise it is
    /// [`StopAllIterationAndWatermark`](Self::StopAllIterationAndWatermark).
    StopIteration,
    /// Hold everything and buffer without back-pressure; too much is a 413 or 500.
    StopAllIterationAndBuffer,
    /// Hold everything; above the buffer limit the sender is slowed down.
    StopAllIterationAndWatermark,
}

impl HeadersAction {
    /// Reads the number a guest returned. 2, the legacy "continue and end stream", is Continue.
    #[must_use]
    pub const fn from_u32(number: u32) -> Self {
        match number {
            0 | 2 => Self::Continue,
            1 => Self::StopIteration,
            3 => Self::StopAllIterationAndBuffer,
            _ => Self::StopAllIterationAndWatermark,
        }
    }
}

/// The answer of a body callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataAction {
    /// Pass on this chunk and all that was held.
    Continue,
    /// Hold this chunk with those before it; the next callback sees them all.
    StopIterationAndBuffer,
    /// Hold this chunk with back-pressure; the next callback sees only its own chunk.
    StopIterationAndWatermark,
    /// Hold iteration and drop this chunk.
    StopIterationNoBuffer,
}

impl DataAction {
    /// Reads the number a guest returned.
    #[must_use]
    pub const fn from_u32(number: u32) -> Self {
        match number {
            0 => Self::Continue,
            1 => Self::StopIterationAndBuffer,
            2 => Self::StopIterationAndWatermark,
            _ => Self::StopIterationNoBuffer,
        }
    }
}

/// The answer of a trailers callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailersAction {
    /// Pass the trailers on, after everything that was held.
    Continue,
    /// Hold the trailers.
    StopIteration,
}

impl TrailersAction {
    /// Reads the number a guest returned.
    #[must_use]
    pub const fn from_u32(number: u32) -> Self {
        match number {
            0 => Self::Continue,
            _ => Self::StopIteration,
        }
    }
}

/// The answer of a TCP callback: of `proxy_on_new_connection` and of the data callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkAction {
    /// Pass on the connection, or the data that this filter has seen.
    Continue,
    /// Hold it. The next data callback sees what is held together with what has arrived since.
    StopIteration,
}

impl NetworkAction {
    /// Reads the number a guest returned.
    #[must_use]
    pub const fn from_u32(number: u32) -> Self {
        match number {
            0 => Self::Continue,
            _ => Self::StopIteration,
        }
    }
}
