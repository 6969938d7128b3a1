//! Bodies that are sent as a script says, by clients and by the origin.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Semaphore;

/// Holds a body until a scenario opens it; stays open for whoever comes later.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets the body go on.
    pub fn open(&self) {
        self.0.close();
    }

    async fn passed(self) {
        // A semaphore without permits answers only when it is closed.
        drop(self.0.acquire().await);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Data(Bytes),
    Wait(Gate),
    Trailers(HeaderMap),
    Break,
}

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body as a list of steps.
#[derive(Default)]
pub struct Body {
    steps: VecDeque<Step>,
    sized: bool,
    waiting: Option<Waiting>,
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            sized: true,
            ..Self::default()
        }
    }

    /// A body of known length, which may be zero.
    #[must_use]
    pub fn sized(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let steps = if bytes.is_empty() {
            VecDeque::new()
        } else {
            [Step::Data(bytes)].into()
        };
        Self {
            steps,
            sized: true,
            waiting: None,
        }
    }

    /// The start of a body whose length is not announced.
    #[must_use]
    pub fn chunks() -> Self {
        Self::default()
    }

    /// Sends a piece.
    #[must_use]
    pub fn chunk(self, bytes: impl Into<Bytes>) -> Self {
        self.then(Step::Data(bytes.into()))
    }

    /// Waits for a gate to open.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// Ends with trailers.
    #[must_use]
    pub fn trailers(self, trailers: &[(&str, &str)]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in trailers {
            let name: HeaderName = name.parse().expect("a trailer has a legal name");
            map.append(
                name,
                HeaderValue::from_str(value).expect("a legal trailer value"),
            );
        }
        self.then(Step::Trailers(map))
    }

    /// Breaks off: the connection or stream ends in the middle of the body.
    #[must_use]
    pub fn break_off(self) -> Self {
        self.then(Step::Break)
    }

    /// Waits for the gate at which the body stands, if any.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(());
        };
        let passed = waiting.as_mut().poll(cx);
        if passed.is_ready() {
            self.waiting = None;
        }
        passed
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

impl Clone for Body {
    fn clone(&self) -> Self {
        Self {
            steps: self.steps.clone(),
            sized: self.sized,
            waiting: None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body of {} steps", self.steps.len())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if self.poll_gate(cx).is_pending() {
                return Poll::Pending;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Trailers(map)) => return Poll::Ready(Some(Ok(Frame::trailers(map)))),
                Some(Step::Break) => {
                    return Poll::Ready(Some(Err(io::Error::other("broken off as scripted"))));
                }
                Some(Step::Wait(gate)) => self.waiting = Some(Box::pin(gate.passed())),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.sized {
            return SizeHint::default();
        }
        let size = self.steps.iter().map(|step| match step {
            Step::Data(bytes) => bytes.len() as u64,
            Step::Wait(_) | Step::Trailers(_) | Step::Break => 0,
        });
        SizeHint::with_exact(size.sum())
    }
}
