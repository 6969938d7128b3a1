//! Access: which maps and bodies a native filter may touch now, by Envoy's rules.

use tollgate_runtime::{Direction, StreamMap};

/// The open maps and bodies of one stream, by [`key`] and direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    headers: [bool; 2],
    trailers: [bool; 2],
    bodies: [bool; 2],
    /// The running body callback ends the message, so trailers may be made.
    ending: [bool; 2],
    pub(crate) is_logging: bool,
}

/// What a filter may do with a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapAccess {
    Write,
    Read,
    Create,
    None,
}

impl Access {
    pub(crate) fn open_headers(&mut self, direction: Direction) {
        set(&mut self.headers, direction, true);
    }

    pub(crate) fn open_trailers(&mut self, direction: Direction) {
        set(&mut self.trailers, direction, true);
    }

    pub(crate) fn open_body(&mut self, direction: Direction, end_of_stream: bool) {
        set(&mut self.bodies, direction, true);
        set(&mut self.ending, direction, end_of_stream);
    }

    /// The body callback is over; the body stays visible only while it is buffered.
    pub(crate) fn end_body(&mut self, direction: Direction, is_buffered: bool) {
        set(&mut self.bodies, direction, is_buffered);
        set(&mut self.ending, direction, false);
    }

    /// Closes all of a direction, because it goes on.
    pub(crate) fn release(&mut self, direction: Direction) {
        set(&mut self.headers, direction, false);
        set(&mut self.trailers, direction, false);
        set(&mut self.bodies, direction, false);
    }

    pub(crate) fn has_body(self, direction: Direction) -> bool {
        get(self.bodies, direction)
    }

    pub(crate) fn map(self, map: StreamMap, exists: bool) -> MapAccess {
        let (direction, is_trailers) = key(map);
        let open = if is_trailers {
            self.trailers
        } else {
            self.headers
        };
        if get(open, direction) {
            MapAccess::Write
        } else if is_trailers && get(self.ending, direction) {
            MapAccess::Create
        } else if self.is_logging && exists && map != StreamMap::RequestTrailers {
            MapAccess::Read
        } else {
            MapAccess::None
        }
    }
}

/// A map's direction, and whether it holds trailers.
pub(crate) const fn key(map: StreamMap) -> (Direction, bool) {
    match map {
        StreamMap::RequestHeaders => (Direction::Request, false),
        StreamMap::RequestTrailers => (Direction::Request, true),
        StreamMap::ResponseHeaders => (Direction::Response, false),
        StreamMap::ResponseTrailers => (Direction::Response, true),
    }
}

const fn set(flags: &mut [bool; 2], direction: Direction, value: bool) {
    let [request, response] = flags;
    match direction {
        Direction::Request => *request = value,
        Direction::Response => *response = value,
    }
}

const fn get([request, response]: [bool; 2], direction: Direction) -> bool {
    match direction {
        Direction::Request => request,
        Direction::Response => response,
    }
}
