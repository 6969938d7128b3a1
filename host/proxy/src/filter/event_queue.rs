//! `EventQueue`: what has left a chain and waits to be taken.

use std::collections::VecDeque;

use bytes::Bytes;

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
                let mut chunks = body.into_iter();
                let mut data = chunks.next().unwrap_or_default();
                for next in chunks {
                    self.push_data(std::mem::replace(&mut data, next), false);
                }
                self.push_data(data, end_of_stream);
            }
        }
    }

    pub(super) fn push_data(&mut self, data: Bytes, end_of_stream: bool) {
        // Who has been told how many bytes to expect does not ask again after the last.
        if data.is_empty() && end_of_stream && self.end_with_last() {
            return;
        }
        self.bytes += data.len();
        self.push_event(Event::Data {
            data,
            end_of_stream,
        });
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.first.take()?;
        if !self.rest.is_empty() {
            self.first = self.rest.pop_front();
        }
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
