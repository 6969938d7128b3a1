//! Access: which maps and bodies of a stream a guest may touch now.
//!
//! A map opens when its callback starts and closes when the callback's final action is Continue;
//! while a filter pauses it stays open.

use crate::host::{Direction, HttpHost, StreamMap};

/// Whether a map can be read or written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapState {
    /// It can be read and written.
    Open,
    /// The stream has ended: it can be read only, and what is missing is `NotFound`.
    ReadOnly,
    /// The trailers do not exist yet; a write makes them.
    Creatable,
    /// It can be neither read nor written.
    Closed,
}

/// The open maps and bodies of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    maps: u8,
    bodies: u8,
    /// Directions whose last body callback, running now, ends the message.
    ending: u8,
    is_logging: bool,
}

const fn map_bit(map: StreamMap) -> u8 {
    match map {
        StreamMap::RequestHeaders => 1,
        StreamMap::RequestTrailers => 2,
        StreamMap::ResponseHeaders => 4,
        StreamMap::ResponseTrailers => 8,
    }
}

const fn direction_bit(direction: Direction) -> u8 {
    match direction {
        Direction::Request => 1,
        Direction::Response => 2,
    }
}

const fn direction_maps(direction: Direction) -> u8 {
    match direction {
        Direction::Request => {
            map_bit(StreamMap::RequestHeaders) | map_bit(StreamMap::RequestTrailers)
        }
        Direction::Response => {
            map_bit(StreamMap::ResponseHeaders) | map_bit(StreamMap::ResponseTrailers)
        }
    }
}

impl Access {
    pub(crate) fn open_map(&mut self, map: StreamMap) {
        self.maps |= map_bit(map);
    }

    pub(crate) fn open_body(&mut self, direction: Direction, ends: bool) {
        self.bodies |= direction_bit(direction);
        if ends {
            self.ending |= direction_bit(direction);
        }
    }

    /// The body's view ends with its callback, unless the guest keeps buffering.
    pub(crate) fn close_body(&mut self, direction: Direction) {
        self.bodies &= !direction_bit(direction);
    }

    /// The callback is over: trailers can no longer be made.
    pub(crate) fn end_callback(&mut self, direction: Direction) {
        self.ending &= !direction_bit(direction);
    }

    /// Closes all of a direction: it goes on.
    pub(crate) fn release(&mut self, direction: Direction) {
        self.maps &= !direction_maps(direction);
        self.close_body(direction);
    }

    /// From now on what exists can be read.
    pub(crate) fn start_logging(&mut self) {
        self.is_logging = true;
    }

    pub(crate) const fn is_logging(self) -> bool {
        self.is_logging
    }

    pub(crate) const fn has_body(self, direction: Direction) -> bool {
        self.bodies & direction_bit(direction) != 0
    }

    pub(crate) fn map(self, map: StreamMap, host: &dyn HttpHost) -> MapState {
        if self.maps & map_bit(map) != 0 {
            return MapState::Open;
        }
        let ending = match map {
            StreamMap::RequestTrailers => self.ending & direction_bit(Direction::Request),
            StreamMap::ResponseTrailers => self.ending & direction_bit(Direction::Response),
            StreamMap::RequestHeaders | StreamMap::ResponseHeaders => 0,
        };
        if ending != 0 {
            MapState::Creatable
        } else if self.is_logging && map != StreamMap::RequestTrailers && host.has_map(map) {
            MapState::ReadOnly
        } else {
            MapState::Closed
        }
    }
}
