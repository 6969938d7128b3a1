//! A plugin as an HTTP filter: events in, actions out, and what a fault does to the stream.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use tollgate_runtime::{ContextId, Fault, Vm};

use super::health::PluginHealth;
use super::http_host::StreamHost;
use super::stream_vm::StreamVm;
use crate::filter::{
    Action, DataAction, Direction, FilterPort, HeadersAction, HttpFilter, StreamState,
    TrailersAction,
};
use crate::http::local_response::failed_plugin;

/// The callbacks that a module exports, asked once: what it lacks is not called.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each callback")]
pub(super) struct StreamCallbacks {
    pub(super) request_body: bool,
    pub(super) request_trailers: bool,
    pub(super) response_headers: bool,
    pub(super) response_body: bool,
    pub(super) response_trailers: bool,
    /// None of these, and nobody notices when the stream is deleted.
    pub(super) nothing_more: bool,
}

/// One stream of one plugin.
pub(super) struct PluginFilter {
    /// `None` when the guest needs to hear no more.
    vm: RefCell<Option<StreamVm>>,
    host: Rc<StreamHost>,
    context: ContextId,
    callbacks: StreamCallbacks,
    /// The request's headers have reached this filter. Until then the guest hears nothing, as a
    /// reply that an earlier filter gives passes it by.
    started: Cell<bool>,
    failed: Cell<bool>,
    health: Rc<PluginHealth>,
}

impl PluginFilter {
    pub(super) fn new(
        (vm, root): (StreamVm, ContextId),
        state: Rc<StreamState>,
        callbacks: StreamCallbacks,
        health: Rc<PluginHealth>,
    ) -> Self {
        let host = StreamHost::new(state, vm.facts());
        let context = vm.enter(|vm| vm.create_http_context(root, Rc::clone(&host) as _));
        Self {
            vm: RefCell::new(Some(vm)),
            host,
            context,
            callbacks,
            started: Cell::new(false),
            failed: Cell::new(false),
            health,
        }
    }

    /// Calls the guest. After a fault, here or before, the stream is answered 503 once.
    fn call<A: Action>(&self, callback: impl FnOnce(&mut Vm, ContextId) -> Result<A, Fault>) -> A {
        let Some(result) = self.enter(|vm| callback(vm, self.context)) else {
            return A::CONTINUE;
        };
        match result {
            Ok(action) => {
                if action != A::CONTINUE {
                    self.remember_paused();
                }
                action
            }
            Err(fault) => {
                self.note_fault(&fault);
                self.fail_stream()
            }
        }
    }

    /// Enters the guest, if it is to hear of the stream.
    fn enter<T>(&self, call: impl FnOnce(&mut Vm) -> T) -> Option<T> {
        let vm = self.vm.borrow();
        Some(vm.as_ref()?.enter(call))
    }

    fn remember_paused(&self) {
        if let Some(vm) = &*self.vm.borrow() {
            let host = Rc::clone(&self.host) as _;
            vm.remember_paused(self.context, &host, self.health.goes_on_after_fault());
        }
    }

    fn note_fault(&self, fault: &Fault) {
        // Others are told too, and may come back here.
        let vm = self.vm.borrow().clone();
        if let Some(vm) = vm {
            vm.note_fault(fault);
        }
    }

    /// Ends the stream for the guest, once.
    fn delete(&self) {
        let Some(vm) = self.vm.take() else { return };
        vm.forget_paused(self.context);
        match vm.enter(|vm| vm.delete_http_context(self.context)) {
            Ok(()) => self.health.count_success(),
            Err(fault) => vm.note_fault(&fault),
        }
        vm.report_ends();
    }

    /// Ends the stream for the guest, which needs to hear no more of it, if the guest has deleted it
    /// already, or to leave the stream's own instance to the next one: it is warm in the processor's
    /// caches now, and others need not exist.
    fn leave_early(&self) {
        let is_over = |vm: &StreamVm| {
            vm.is_of_a_stream() || vm.enter(|vm| vm.has_deleted_http_context(self.context))
        };
        let is_over = self.vm.borrow().as_ref().is_some_and(is_over);
        if is_over {
            self.delete();
        }
    }

    /// Whether response callbacks are the guest's. The answer to its own fault passes it by.
    fn hears_responses(&self) -> bool {
        self.started.get() && !self.failed.get()
    }

    /// Passes by a callback that the guest does not have. As in Envoy the stream ends all the same
    /// when its VM has failed meanwhile.
    fn pass_by<A: Action>(&self) -> A {
        if self.has_failed() {
            self.fail_stream()
        } else {
            A::CONTINUE
        }
    }

    fn has_failed(&self) -> bool {
        let is_failed = |vm: &StreamVm| vm.is_failed();
        self.vm.borrow().as_ref().is_some_and(is_failed)
    }

    fn fail_stream<A: Action>(&self) -> A {
        if self.health.goes_on_after_fault() {
            return A::CONTINUE;
        }
        if !self.failed.replace(true) {
            self.host.state.send_local_reply(failed_plugin());
        }
        A::CLOSED
    }
}

impl HttpFilter for PluginFilter {
    fn port(&self) -> &FilterPort {
        &self.host.port
    }

    fn sees_body(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.callbacks.request_body,
            Direction::Response => self.callbacks.response_body,
        }
    }

    fn hears_response(&self) -> bool {
        let hears = self.callbacks.response_headers
            || self.callbacks.response_body
            || self.callbacks.response_trailers;
        hears || self.has_failed()
    }

    fn on_request_headers(&self, end_of_stream: bool) -> HeadersAction {
        self.started.set(true);
        let action = self.call(|vm, id| vm.on_request_headers(id, end_of_stream));
        if self.callbacks.nothing_more && action == HeadersAction::Continue {
            self.leave_early();
        }
        action
    }

    fn on_request_body(&self, end_of_stream: bool) -> DataAction {
        if !self.callbacks.request_body {
            return self.pass_by();
        }
        self.call(|vm, id| vm.on_request_body(id, end_of_stream))
    }

    fn on_request_trailers(&self) -> TrailersAction {
        if !self.callbacks.request_trailers {
            return self.pass_by();
        }
        self.call(Vm::on_request_trailers)
    }

    fn on_response_headers(&self, end_of_stream: bool) -> HeadersAction {
        if !self.hears_responses() {
            return HeadersAction::Continue;
        }
        if !self.callbacks.response_headers {
            return self.pass_by();
        }
        self.call(|vm, id| vm.on_response_headers(id, end_of_stream))
    }

    fn on_response_body(&self, end_of_stream: bool) -> DataAction {
        if !self.hears_responses() {
            return DataAction::Continue;
        }
        if !self.callbacks.response_body {
            return self.pass_by();
        }
        self.call(|vm, id| vm.on_response_body(id, end_of_stream))
    }

    fn on_response_trailers(&self) -> TrailersAction {
        if !self.hears_responses() {
            return TrailersAction::Continue;
        }
        if !self.callbacks.response_trailers {
            return self.pass_by();
        }
        self.call(Vm::on_response_trailers)
    }

    fn on_log(&self) {
        if self.callbacks.nothing_more {
            return;
        }
        if let Some(Err(fault)) = self.enter(|vm| vm.on_log(self.context)) {
            self.note_fault(&fault);
        }
    }

    fn on_destroy(&self) {
        self.delete();
    }
}

impl fmt::Debug for PluginFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginFilter")
            .field("context", &self.context)
            .field("started", &self.started)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The filter of a stream whose plugin had failed before: it answers 503.
#[derive(Debug)]
pub(super) struct FailedFilter {
    state: Rc<StreamState>,
    port: FilterPort,
}

impl FailedFilter {
    pub(super) fn new(state: Rc<StreamState>) -> Self {
        Self {
            state,
            port: FilterPort::default(),
        }
    }
}

impl HttpFilter for FailedFilter {
    fn port(&self) -> &FilterPort {
        &self.port
    }

    fn on_request_headers(&self, _end_of_stream: bool) -> HeadersAction {
        self.state.send_local_reply(failed_plugin());
        HeadersAction::CLOSED
    }

    fn on_request_body(&self, _end_of_stream: bool) -> DataAction {
        DataAction::CLOSED
    }

    fn on_request_trailers(&self) -> TrailersAction {
        TrailersAction::CLOSED
    }

    fn on_response_headers(&self, _end_of_stream: bool) -> HeadersAction {
        HeadersAction::Continue
    }

    fn on_response_body(&self, _end_of_stream: bool) -> DataAction {
        DataAction::Continue
    }

    fn on_response_trailers(&self) -> TrailersAction {
        TrailersAction::Continue
    }

    fn on_log(&self) {}

    fn on_destroy(&self) {}
}
