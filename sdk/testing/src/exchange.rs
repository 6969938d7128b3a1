//! Exchange: takes one request through a filter, phase by phase, as Envoy's filter chain does.

use std::rc::Rc;

use tollgate_abi::{DataAction, HeadersAction, TrailersAction};
use tollgate_runtime::{Direction, LocalResponse};

use crate::engine::{Engine, Fault};
use crate::host::TestHost;
use crate::model::{Stream, Table};
use crate::outcome::{End, Outcome, Received};
use crate::upstream::{Entries, Kind, Message, UpstreamRequest, named};

/// What a request is sent with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) message: Message,
    /// How the body arrives; empty for all of it at once.
    pub(crate) chunk_sizes: Vec<usize>,
    /// The client goes away when the filter first pauses the request.
    pub(crate) leaves_when_paused: bool,
}

/// Why a phase is not passed on.
enum Break {
    Replied(LocalResponse),
    End(End),
}

type Phase<T> = Result<T, Break>;

/// One request on its way.
pub(crate) struct Exchange<'t> {
    host: &'t TestHost,
    engine: &'t dyn Engine,
    stream: Rc<Stream>,
    id: u32,
    leaves_when_paused: bool,
}

impl<'t> Exchange<'t> {
    pub(crate) fn new(host: &'t TestHost, stream: Stream) -> Self {
        let engine = host.engine();
        let stream = Rc::new(stream);
        let id = engine.create_stream(Rc::clone(&stream));
        Self {
            host,
            engine,
            stream,
            id,
            leaves_when_paused: false,
        }
    }

    pub(crate) fn run(mut self, sent: Sent) -> Outcome {
        self.leaves_when_paused = sent.leaves_when_paused;
        let mut outcome = Outcome::default();
        let end = self.request(sent, &mut outcome);
        outcome.end = match (end, self.engine.end_stream(self.id)) {
            (_, Err(fault)) => End::Crashed(fault),
            (end, Ok(())) => end,
        };
        outcome
    }

    fn request(&self, sent: Sent, outcome: &mut Outcome) -> End {
        match self.pass(Direction::Request, sent.message, &sent.chunk_sizes) {
            Ok(request) => {
                let request = UpstreamRequest {
                    headers: named(request.headers.as_slice()),
                    body: request.body,
                    trailers: named(&request.trailers),
                };
                let answer = self.host.ask_origin(&request);
                outcome.forwarded = Some(request);
                match answer {
                    Kind::Complete(message) => self.response(message, outcome),
                    // What Envoy's router answers for an upstream that breaks off or stays silent.
                    Kind::Reset => self.response(status(503), outcome),
                    Kind::Silent => self.response(status(504), outcome),
                }
            }
            Err(Break::Replied(reply)) => {
                let message = self.local(&reply);
                outcome.local_response = Some(reply);
                // The filter sees its own reply pass, as every filter does.
                *self.stream.local_response.borrow_mut() = None;
                self.response(message, outcome)
            }
            Err(Break::End(end)) => end,
        }
    }

    fn response(&self, message: Message, outcome: &mut Outcome) -> End {
        let message = match self.pass(Direction::Response, message, &[]) {
            Ok(message) => message,
            Err(Break::Replied(reply)) => {
                // A reply in the response phase goes straight to the client.
                let message = self.local(&reply);
                outcome.local_response = Some(reply);
                *self.stream.response.headers.borrow_mut() =
                    Some(Table::response(message.headers.clone()));
                message
            }
            Err(Break::End(end)) => return end,
        };
        outcome.response = Some(Received {
            headers: named(&message.headers),
            body: message.body,
            trailers: named(&message.trailers),
        });
        End::Answered
    }

    /// Takes a message through one direction and returns what leaves the filter.
    fn pass(&self, direction: Direction, message: Message, chunks: &[usize]) -> Phase<Message> {
        let Message {
            headers,
            body,
            trailers,
        } = message;
        let side = self.stream.side(direction);
        let table = match direction {
            Direction::Request => Table::request(headers),
            Direction::Response => Table::response(headers),
        };
        *side.headers.borrow_mut() = Some(table);
        let has_trailers = !trailers.is_empty();
        let end = body.is_empty() && !has_trailers;
        let action = self.answer(self.engine.on_headers(self.id, direction, end))?;
        let paused = action != HeadersAction::Continue;
        self.go_on(direction, paused)?;
        let headers = side
            .headers
            .borrow()
            .as_ref()
            .map(Table::entries)
            .unwrap_or_default()
            .to_vec();
        // What was held behind the headers arrives at once.
        let whole = [body.len()];
        let chunks = if paused || chunks.is_empty() {
            whole.as_slice()
        } else {
            chunks
        };
        let body = self.body(direction, &body, chunks, has_trailers)?;
        let trailers = self.trailers(direction, trailers)?;
        let body = body.into_iter().chain(side.body.take()).collect();
        Ok(Message {
            headers,
            body,
            trailers,
        })
    }

    /// Delivers the body and returns what was passed on; what is held stays in the stream's view.
    fn body(
        &self,
        direction: Direction,
        body: &[u8],
        chunks: &[usize],
        has_trailers: bool,
    ) -> Phase<Vec<u8>> {
        let side = self.stream.side(direction);
        let (mut passed, mut held) = (Vec::new(), Vec::new());
        let mut rest = body;
        for (index, size) in chunks.iter().enumerate() {
            let is_last = index + 1 == chunks.len();
            let (chunk, later) = rest.split_at(if is_last {
                rest.len()
            } else {
                (*size).min(rest.len())
            });
            rest = later;
            if chunk.is_empty() && (!is_last || body.is_empty()) {
                continue;
            }
            side.body.borrow_mut().extend_from_slice(chunk);
            let end = is_last && !has_trailers;
            let action = self.answer(self.engine.on_body(self.id, direction, end))?;
            if end {
                self.go_on(direction, action != DataAction::Continue)?;
            }
            match action {
                DataAction::StopIterationAndBuffer if !end => {}
                DataAction::StopIterationAndWatermark if !end => held.extend(side.body.take()),
                DataAction::StopIterationNoBuffer => drop(side.body.take()),
                _ => {
                    passed.append(&mut held);
                    passed.extend(side.body.take());
                }
            }
        }
        passed.append(&mut held);
        Ok(passed)
    }

    fn trailers(&self, direction: Direction, trailers: Entries) -> Phase<Entries> {
        let side = self.stream.side(direction);
        if !trailers.is_empty() {
            *side.trailers.borrow_mut() = Some(Table::response(trailers));
            let action = self.answer(self.engine.on_trailers(self.id, direction))?;
            self.go_on(direction, action != TrailersAction::Continue)?;
        }
        let trailers = side.trailers.borrow();
        Ok(trailers
            .as_ref()
            .map(Table::entries)
            .unwrap_or_default()
            .to_vec())
    }

    /// Looks at what a callback did beside its answer.
    fn answer<A>(&self, action: Result<A, Fault>) -> Phase<A> {
        let action = action.map_err(|fault| Break::End(End::Crashed(fault)))?;
        self.check()?;
        Ok(action)
    }

    fn check(&self) -> Phase<()> {
        if let Some(reply) = self.stream.local_response.borrow().clone() {
            return Err(Break::Replied(reply));
        }
        if self.stream.is_closed.get() {
            return Err(Break::End(End::Reset));
        }
        Ok(())
    }

    /// Waits until a paused direction goes on, while the test's time passes.
    fn go_on(&self, direction: Direction, paused: bool) -> Phase<()> {
        let is_continued = &self.stream.side(direction).is_continued;
        if !paused {
            return Ok(());
        }
        if self.leaves_when_paused {
            return Err(Break::End(End::ClientLeft));
        }
        while !is_continued.replace(false) {
            match self.host.pass_time_until_next() {
                Ok(true) => self.check()?,
                Ok(false) => return Err(Break::End(End::Stuck)),
                Err(fault) => return Err(Break::End(End::Crashed(fault))),
            }
        }
        Ok(())
    }

    /// The response that a proxy makes of a filter's reply.
    fn local(&self, reply: &LocalResponse) -> Message {
        let headers = self.stream.request.headers.borrow();
        let is_grpc = headers
            .as_ref()
            .and_then(|headers| headers.get(b"content-type"));
        let is_grpc = is_grpc.is_some_and(|value| value.starts_with(b"application/grpc"));
        crate::reply::message(reply, is_grpc)
    }
}

fn status(status: u16) -> Message {
    let headers = vec![(b":status".to_vec(), status.to_string().into_bytes())];
    Message {
        headers,
        ..Message::default()
    }
}
