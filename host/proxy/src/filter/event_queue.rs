//! `EventQueue`: what has left a chain and waits to be taken.

use std::collections::VecDeque;

use super::chain::Event;
use super::lane::Frame;

/// A queue that allocates only when more than one event waits, which is rare: whoever drives a
/// chain takes an event before it pushes the next frame.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    first: Option<Event>,
    rest: VecDeque<Event>,
    bytes: usize,
}

impl EventQueue {
    pub(super) fn push(&mut self, frame: Frame) {
        match frame {
            Frame::Headers { end_of_stream } => self.push_event(Event::Headers { end_of_stream }),
            Frame::Trailers => self.push_event(Event::Trailers),
            Frame::Data {
                body,
                end_of_stream,
            } => {
                // Who has been told how many bytes to expect does not ask again after the last.
                if body.is_empty() && end_of_stream && self.end_with_last() {
                    return;
                }
                let mut chunks = body.into_iter().peekable();
                if chunks.peek().is_none() {
                    self.push_event(Event::Data {
                        data: bytes::Bytes::new(),
                        end_of_stream,
                    });
                }
                while let Some(data) = chunks.next() {
                    self.bytes += data.len();
                    let end_of_stream = end_of_stream && chunks.peek().is_none();
                    self.push_event(Event::Data {
                        data,
                        end_of_stream,
                    });
                }
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.first.take()?;
        self.first = self.rest.pop_front();
        if let Event::Data { data, .. } = &event {
            self.bytes = self.bytes.saturating_sub(data.len());
        }
        Some(event)
    }

    /// Returns the body bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Ends the stream with the bytes that wait last, if bytes do.
    fn end_with_last(&mut self) -> bool {
        match self.rest.back_mut().or(self.first.as_mut()) {
            Some(Event::Data { end_of_stream, .. }) => {
                *end_of_stream = true;
                true
            }
            _ => false,
        }
    }

    fn push_event(&mut self, event: Event) {
        if self.first.is_none() {
            self.first = Some(event);
        } else {
            self.rest.push_back(event);
        }
    }
}
