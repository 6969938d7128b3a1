//! The events of an HTTP stream, and the actions a guest answers with.

use tollgate_abi::{Action, DataAction, HeadersAction, TrailersAction};

use super::Vm;
use super::exports::HeadersCallback;
use super::guest::Entry;
use super::plugin::length;
use crate::context::{Context, HttpContext};
use crate::error::FaultKind;
use crate::host::{Direction, StreamMap};
use crate::{ContextId, Fault};

/// The names and maps of one direction.
struct Side {
    headers: (&'static str, StreamMap),
    body: &'static str,
    trailers: (&'static str, StreamMap),
}

const fn side(direction: Direction) -> Side {
    match direction {
        Direction::Request => Side {
            headers: ("proxy_on_request_headers", StreamMap::RequestHeaders),
            body: "proxy_on_request_body",
            trailers: ("proxy_on_request_trailers", StreamMap::RequestTrailers),
        },
        Direction::Response => Side {
            headers: ("proxy_on_response_headers", StreamMap::ResponseHeaders),
            body: "proxy_on_response_body",
            trailers: ("proxy_on_response_trailers", StreamMap::ResponseTrailers),
        },
    }
}

impl Vm {
    /// Delivers the request's headers.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_request_headers(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault> {
        // What is recorded for a replay is the three callbacks that this one stands for.
        if self.exports.on_request.is_some() && self.guest.state().recorder.is_none() {
            return self.on_request(id, end_of_stream);
        }
        self.on_headers(id, Direction::Request, end_of_stream)
    }

    /// Delivers a part of the request's body; its size is what the host's `body_len` says.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_request_body(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault> {
        self.on_body(id, Direction::Request, end_of_stream)
    }

    /// Delivers the request's trailers.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_request_trailers(&mut self, id: ContextId) -> Result<TrailersAction, Fault> {
        self.on_trailers(id, Direction::Request)
    }

    /// Delivers the response's headers.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_response_headers(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault> {
        self.on_headers(id, Direction::Response, end_of_stream)
    }

    /// Delivers a part of the response's body; its size is what the host's `body_len` says.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_response_body(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault> {
        self.on_body(id, Direction::Response, end_of_stream)
    }

    /// Delivers the response's trailers.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_response_trailers(&mut self, id: ContextId) -> Result<TrailersAction, Fault> {
        self.on_trailers(id, Direction::Response)
    }

    fn on_headers(
        &mut self,
        id: ContextId,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<HeadersAction, Fault> {
        let (callback, map) = side(direction).headers;
        self.announce(id, callback)?;
        let Some(function) = &self.exports.direction(direction).headers else {
            return Ok(HeadersAction::Continue);
        };
        let entry = Entry {
            callback,
            context: id,
            ticks: self.guest.deadlines.stream,
        };
        let Some(http) = self.guest.state_mut().contexts.http_mut(id) else {
            return Err(unknown_context(id, callback));
        };
        http.access.open_map(map);
        let count = length(http.host.map_len(map));
        let number = match function {
            HeadersCallback::Short(function) => self.guest.call(entry, function, (id.0, count)),
            HeadersCallback::Full(function) => {
                self.guest
                    .call(entry, function, (id.0, count, u32::from(end_of_stream)))
            }
        }?;
        let action = self.headers_action(id, number);
        self.settle(id, direction, action)
    }

    /// Tells the guest of a stream, of its request's headers and, if they pass, of its end.
    fn on_request(&mut self, id: ContextId, end_of_stream: bool) -> Result<HeadersAction, Fault> {
        let (callback, map) = side(Direction::Request).headers;
        self.guest.check(callback)?;
        let entry = Entry {
            callback,
            context: id,
            ticks: self.guest.deadlines.stream,
        };
        let contexts = &mut self.guest.state_mut().contexts;
        let (Some(http), Some(function)) = (contexts.http_mut(id), &self.exports.on_request) else {
            return Err(unknown_context(id, callback));
        };
        http.access.open_map(map);
        let root = http.root;
        if !contexts.contains(root) {
            return Err(unknown_context(root, callback));
        }
        let params = (id.0, root.0, u32::from(end_of_stream));
        let number = self.guest.call(entry, function, params)?;
        if let Some(http) = self.guest.state_mut().contexts.http_mut(id) {
            // Unless the headers pass, the guest has a context for the stream from now on.
            (http.is_announced, http.is_deleted) = (true, number == 0);
        }
        let action = self.headers_action(id, number);
        self.settle(id, Direction::Request, action)
    }

    /// What the number means that a headers callback has returned.
    fn headers_action(&self, id: ContextId, number: u32) -> HeadersAction {
        let action = HeadersAction::from_u32(number);
        let allows_stop = |http: &HttpContext| http.plugin.allow_on_headers_stop_iteration;
        if action == HeadersAction::StopIteration
            && !self
                .guest
                .state()
                .contexts
                .http(id)
                .is_some_and(allows_stop)
        {
            return HeadersAction::StopAllIterationAndWatermark;
        }
        action
    }

    fn on_body(
        &mut self,
        id: ContextId,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<DataAction, Fault> {
        let callback = side(direction).body;
        self.announce(id, callback)?;
        let entry = Entry {
            callback,
            context: id,
            ticks: self.guest.deadlines.stream,
        };
        let Some(http) = self.guest.state_mut().contexts.http_mut(id) else {
            return Err(unknown_context(id, callback));
        };
        let Some(function) = &self.exports.direction(direction).body else {
            http.access.release(direction);
            return Ok(DataAction::Continue);
        };
        http.access.open_body(direction, end_of_stream);
        let size = length(http.host.body_len(direction));
        let params = (id.0, size, u32::from(end_of_stream));
        let number = self.guest.call(entry, function, params)?;
        let action = DataAction::from_u32(number);
        if let Some(http) = self.guest.state_mut().contexts.http_mut(id) {
            http.access.end_callback(direction);
            if action != DataAction::StopIterationAndBuffer {
                http.access.close_body(direction);
            }
        }
        self.settle(id, direction, action)
    }

    fn on_trailers(
        &mut self,
        id: ContextId,
        direction: Direction,
    ) -> Result<TrailersAction, Fault> {
        let (callback, map) = side(direction).trailers;
        self.announce(id, callback)?;
        let entry = Entry {
            callback,
            context: id,
            ticks: self.guest.deadlines.stream,
        };
        let Some(http) = self.guest.state_mut().contexts.http_mut(id) else {
            return Err(unknown_context(id, callback));
        };
        let Some(function) = &self.exports.direction(direction).trailers else {
            http.access.release(direction);
            return Ok(TrailersAction::Continue);
        };
        http.access.open_map(map);
        let count = length(http.host.map_len(map));
        let number = self.guest.call(entry, function, (id.0, count))?;
        self.settle(id, direction, TrailersAction::from_u32(number))
    }

    /// Turns what the guest returned into what happens, and runs the effects of the callback.
    fn settle<A: Action>(
        &mut self,
        id: ContextId,
        direction: Direction,
        action: A,
    ) -> Result<A, Fault> {
        let state = self.guest.state_mut();
        let mut action = if state.has_replied { A::CLOSED } else { action };
        // A guest that resumes and then pauses means "go on": resuming first would be lost.
        if action != A::CONTINUE
            && !state.effects.is_empty()
            && state.take_resume(id, direction)
            && !state.has_replied
        {
            action = A::CONTINUE;
        }
        if action == A::CONTINUE
            && let Some(http) = state.contexts.http_mut(id)
        {
            http.access.release(direction);
        }
        self.run_effects()?;
        Ok(action)
    }

    /// Tells the guest of a stream before the stream's first callback.
    pub(super) fn announce(&mut self, id: ContextId, callback: &'static str) -> Result<(), Fault> {
        self.guest.check(callback)?;
        let (root, is_announced) = match self.guest.state_mut().contexts.get_mut(id) {
            Some(Context::Http(http)) => (http.root, &mut http.is_announced),
            Some(Context::Tcp(tcp)) => (tcp.root, &mut tcp.is_announced),
            Some(Context::Root(_)) | None => return Err(unknown_context(id, callback)),
        };
        if std::mem::replace(is_announced, true) {
            return Ok(());
        }
        if !self.has_context(root) {
            return Err(unknown_context(root, callback));
        }
        let Some(create) = &self.exports.on_context_create else {
            return Ok(());
        };
        let ticks = self.guest.deadlines.stream;
        let entry = Entry {
            callback: "proxy_on_context_create",
            context: id,
            ticks,
        };
        self.guest.call(entry, create, (id.0, root.0))?;
        self.run_effects()
    }
}

pub(super) fn unknown_context(id: ContextId, callback: &'static str) -> Fault {
    let message = format!("context {} does not exist in this VM", id.0);
    let kind = (FaultKind::UnknownContext, message);
    Fault::without_details(String::new(), callback, id, kind)
}
