//! From a step to the filter's handler: on the stack when it awaits nothing, boxed when it may.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{
    REQUEST_BODY, REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_BODY, RESPONSE_HEADERS, Steps, Stream,
};
use crate::chunk::Chunk;
use crate::exchange::{Exchange, Phase};
use crate::filter::{Hook, HttpFilter};
use crate::reject::Reject;

type Answer = Result<(), Reject>;

/// A handler of parts of a body.
pub(super) type ChunkHandler<F> =
    fn(&F, &mut Exchange<<F as HttpFilter>::State>, &mut Chunk) -> Answer;

/// Runs a handler that awaits nothing.
pub(in crate::driver) fn run_now(handler: impl Future<Output = Answer>) -> Answer {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(handler).poll(&mut cx) {
        Poll::Ready(answer) => answer,
        // It hides its `.await` in a macro.
        Poll::Pending => Err(Reject::new(500).details("await_in_a_macro")),
    }
}

impl<F: HttpFilter> Stream<F> {
    /// Runs the handler of one step. An absent handler's branch is gone after compilation.
    pub(super) fn run(self: &Rc<Self>, step: Steps) -> Poll<Answer> {
        match step {
            REQUEST_HEADERS => self.call(F::HOOKS.request, Phase::Request, F::request),
            REQUEST_BODY => self.call(F::HOOKS.request_body, Phase::Request, F::request_body),
            REQUEST_TRAILERS => self.call(
                F::HOOKS.request_trailers,
                Phase::Request,
                F::request_trailers,
            ),
            RESPONSE_HEADERS => self.call(F::HOOKS.response, Phase::Response, F::response),
            RESPONSE_BODY => self.call(F::HOOKS.response_body, Phase::Response, F::response_body),
            _ => self.call(
                F::HOOKS.response_trailers,
                Phase::Response,
                F::response_trailers,
            ),
        }
    }

    fn call<H>(self: &Rc<Self>, hook: Hook, phase: Phase, handler: H) -> Poll<Answer>
    where
        H: for<'a> AsyncFnOnce(&'a F, &'a mut Exchange<F::State>) -> Answer + 'static,
    {
        match hook {
            Hook::Absent => Poll::Ready(Ok(())),
            Hook::Immediate => self.place().enter(|| self.call_now(phase, handler)),
            Hook::Awaiting => {
                let stream = Rc::clone(self);
                let task = async move {
                    let mut lent = Lent::new(&stream, phase);
                    match (stream.root.plugin(), &mut lent.exchange) {
                        (Some(filter), Some(exchange)) => handler(filter, exchange).await,
                        _ => Ok(()),
                    }
                };
                self.slot.run(self.place(), task)
            }
        }
    }

    fn call_now<H>(&self, phase: Phase, handler: H) -> Poll<Answer>
    where
        H: for<'a> AsyncFnOnce(&'a F, &'a mut Exchange<F::State>) -> Answer,
    {
        let mut lent = Lent::new(self, phase);
        let (Some(filter), Some(exchange)) = (self.root.plugin(), &mut lent.exchange) else {
            return Poll::Ready(Ok(()));
        };
        Poll::Ready(run_now(handler(filter, exchange)))
    }

    /// Runs the handler of a part of a body. One that comes while the exchange is on loan passes:
    /// the handler that has it is about to answer the client.
    pub(super) fn run_chunk(
        &self,
        phase: Phase,
        chunk: &mut Chunk,
        handler: ChunkHandler<F>,
    ) -> Answer {
        let mut lent = Lent::new(self, phase);
        match (self.root.plugin(), &mut lent.exchange) {
            (Some(filter), Some(exchange)) => {
                self.place().enter(|| handler(filter, exchange, chunk))
            }
            _ => Ok(()),
        }
    }

    /// Runs the log handler with whatever the exchange has become.
    pub(super) fn run_log(&self) {
        if F::HOOKS.log == Hook::Absent {
            return;
        }
        let mut lent = Lent::new(self, Phase::Response);
        if let (Some(filter), Some(exchange)) = (self.root.plugin(), &mut lent.exchange) {
            self.place().enter(|| filter.log(exchange));
        }
    }
}

/// An exchange on loan to a handler. Its state goes home also when the handler's future is dropped,
/// so it survives a request that is answered elsewhere.
struct Lent<'a, F: HttpFilter> {
    stream: &'a Stream<F>,
    exchange: Option<Exchange<F::State>>,
}

impl<'a, F: HttpFilter> Lent<'a, F> {
    fn new(stream: &'a Stream<F>, phase: Phase) -> Self {
        let exchange = stream.state.take().map(|state| Exchange {
            state,
            id: stream.id,
            phase,
            has_body: stream.has_body.get(),
        });
        Self { stream, exchange }
    }
}

impl<F: HttpFilter> Drop for Lent<'_, F> {
    fn drop(&mut self) {
        // A second loan found nothing and has nothing to give back.
        if let Some(exchange) = self.exchange.take() {
            self.stream.state.set(Some(exchange.state));
        }
    }
}
