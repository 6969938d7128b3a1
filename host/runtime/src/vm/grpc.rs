//! The events of gRPC callouts.

use bytes::Bytes;

use super::Vm;
use super::guest::Entry;
use super::plugin::length;
use crate::context::{CalloutStatus, GrpcEvent, GrpcKind, RootContext};
use crate::host::Header;
use crate::{ContextId, Fault};

impl Vm {
    /// Delivers the metadata that a stream's response begins with. As with all events of gRPC, a
    /// plugin that is gone and a token that was cancelled hear nothing.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_grpc_receive_initial_metadata(
        &mut self,
        root: ContextId,
        token: u32,
        metadata: Vec<Header>,
    ) -> Result<(), Fault> {
        self.on_grpc_event(root, token, GrpcEvent::InitialMetadata(metadata))
    }

    /// Delivers a message, without gRPC's prefix. For a call it is the end.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_grpc_receive(
        &mut self,
        root: ContextId,
        token: u32,
        message: Bytes,
    ) -> Result<(), Fault> {
        let result = self.on_grpc_event(root, token, GrpcEvent::Message(message.into()));
        if GrpcKind::of_token(token) == Some(GrpcKind::Call) {
            self.with_root(root, |root| root.grpc.end(token));
        }
        result
    }

    /// Delivers the metadata that a stream's response ends with.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_grpc_receive_trailing_metadata(
        &mut self,
        root: ContextId,
        token: u32,
        metadata: Vec<Header>,
    ) -> Result<(), Fault> {
        self.on_grpc_event(root, token, GrpcEvent::TrailingMetadata(metadata))
    }

    /// Tells a plugin how a stream ended, or how a call failed.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_grpc_close(
        &mut self,
        root: ContextId,
        token: u32,
        status: u32,
        message: &str,
    ) -> Result<(), Fault> {
        self.close_grpc(root, token, status, message)?;
        self.run_effects()
    }

    /// As [`on_grpc_close`](Self::on_grpc_close), without the effects of the callback.
    pub(super) fn close_grpc(
        &mut self,
        root: ContextId,
        token: u32,
        status: u32,
        message: &str,
    ) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_grpc_close";
        self.guest.check(CALLBACK)?;
        if !self.knows_grpc(root, token) {
            return Ok(());
        }
        let mut result = Ok(());
        self.with_root(root, |root| root.grpc.close_there(token));
        if let Some(callback) = &self.exports.grpc.on_close {
            let status = CalloutStatus {
                code: status,
                message: message.to_owned().into(),
            };
            let code = status.code;
            if let Some(context) = self.guest.state_mut().contexts.root_mut(root) {
                context.status = status;
            }
            let entry = callout_entry(CALLBACK, root, self.guest.deadlines.tick);
            result = self.guest.call(entry, callback, (root.0, token, code));
            self.with_root(root, |root| root.status.message = "".into());
        }
        self.with_root(root, |root| root.grpc.end(token));
        result
    }

    fn on_grpc_event(
        &mut self,
        root: ContextId,
        token: u32,
        event: GrpcEvent,
    ) -> Result<(), Fault> {
        let (callback, function, size) = match &event {
            GrpcEvent::InitialMetadata(metadata) => (
                "proxy_on_grpc_receive_initial_metadata",
                &self.exports.grpc.on_initial_metadata,
                metadata.len(),
            ),
            GrpcEvent::Message(message) => (
                "proxy_on_grpc_receive",
                &self.exports.grpc.on_receive,
                message.len(),
            ),
            GrpcEvent::TrailingMetadata(metadata) => (
                "proxy_on_grpc_receive_trailing_metadata",
                &self.exports.grpc.on_trailing_metadata,
                metadata.len(),
            ),
        };
        self.guest.check(callback)?;
        let Some(function) = function.as_ref().filter(|_| self.knows_grpc(root, token)) else {
            return Ok(());
        };
        if let Some(context) = self.guest.state_mut().contexts.root_mut(root) {
            context.grpc.event = Some(event);
        }
        let entry = callout_entry(callback, root, self.guest.deadlines.tick);
        let result = self
            .guest
            .call(entry, function, (root.0, token, length(size)));
        self.with_root(root, |root| root.grpc.event = None);
        result?;
        self.run_effects()
    }

    fn knows_grpc(&self, root: ContextId, token: u32) -> bool {
        let root = self.guest.state().contexts.root(root);
        root.is_some_and(|root| root.grpc.contains(token))
    }

    /// Changes a root, if it is still there: its callback may have been its last.
    pub(super) fn with_root(&mut self, id: ContextId, change: impl FnOnce(&mut RootContext)) {
        if let Some(root) = self.guest.state_mut().contexts.root_mut(id) {
            change(root);
        }
    }
}

pub(super) const fn callout_entry(callback: &'static str, context: ContextId, ticks: u64) -> Entry {
    Entry {
        callback,
        context,
        ticks,
    }
}
