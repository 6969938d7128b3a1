//! The life of a plugin: start, tick, queues, callouts, shut-down.

use tollgate_abi::Status;

use super::Vm;
use super::guest::Entry;
use crate::context::{CalloutStatus, Context, RootContext};
use crate::host::HttpCallResponse;
use crate::{ContextId, Fault, LoadError, PluginConfig};

impl Vm {
    /// Creates a plugin's root context, starts the VM for it and configures it.
    ///
    /// # Errors
    ///
    /// When a callback does not complete, or when the guest refuses to start or refuses its
    /// configuration. The context is gone then.
    pub fn start_plugin(&mut self, plugin: PluginConfig) -> Result<ContextId, LoadError> {
        self.guest.check("proxy_on_context_create")?;
        let root = Context::Root(Box::new(RootContext::new(plugin)));
        let id = self.guest.state_mut().insert(root);
        self.guest.state_mut().is_starting = true;
        let started = self.start_root(id);
        self.guest.state_mut().is_starting = false;
        if started.is_err() {
            self.forget_context(id);
        }
        started.map(|()| id)
    }

    fn start_root(&mut self, id: ContextId) -> Result<(), LoadError> {
        self.set_configuring(id, true);
        if let Some(create) = &self.exports.on_context_create {
            let entry = self.configure_entry("proxy_on_context_create", id);
            self.guest.call(entry, create, (id.0, 0))?;
        }
        self.set_configuring(id, false);
        self.run_effects()?;
        let size = length(self.guest.state().common.config.configuration.len());
        if let Some(start) = &self.exports.on_vm_start {
            let entry = self.configure_entry("proxy_on_vm_start", id);
            let accepted = self.guest.call(entry, start, (id.0, size))?;
            self.run_effects()?;
            if accepted == 0 {
                return Err(LoadError::StartRefused {
                    plugin: self.plugin_name(id),
                });
            }
        }
        self.configure(id)
    }

    fn configure(&mut self, id: ContextId) -> Result<(), LoadError> {
        let Some(configure) = &self.exports.on_configure else {
            return Ok(());
        };
        let root = self.guest.state().contexts.root(id);
        let size = root.map_or(0, |root| length(root.plugin.configuration.len()));
        let entry = self.configure_entry("proxy_on_configure", id);
        if let Some(root) = self.guest.state_mut().contexts.root_mut(id) {
            root.is_configuring = true;
        }
        let accepted = self.guest.call(entry, configure, (id.0, size))?;
        self.set_configuring(id, false);
        self.run_effects()?;
        if accepted == 0 {
            return Err(LoadError::ConfigureRefused {
                plugin: self.plugin_name(id),
            });
        }
        Ok(())
    }

    fn set_configuring(&mut self, id: ContextId, is_configuring: bool) {
        if let Some(root) = self.guest.state_mut().contexts.root_mut(id) {
            root.is_configuring = is_configuring;
        }
    }

    fn plugin_name(&self, id: ContextId) -> String {
        self.guest.state().plugin_name(id).to_owned()
    }

    const fn configure_entry(&self, callback: &'static str, context: ContextId) -> Entry {
        Entry {
            callback,
            context,
            ticks: self.guest.deadlines.configure,
        }
    }

    /// Tells a plugin that its timer fired.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_tick(&mut self, root: ContextId) -> Result<(), Fault> {
        self.guest.check("proxy_on_tick")?;
        let Some(on_tick) = self.exports.on_tick.as_ref().filter(|_| self.is_root(root)) else {
            return Ok(());
        };
        let ticks = self.guest.deadlines.tick;
        let entry = Entry {
            callback: "proxy_on_tick",
            context: root,
            ticks,
        };
        self.guest.call(entry, on_tick, root.0)?;
        self.run_effects()
    }

    /// Tells a plugin that an item was added to a queue it has registered. A plugin that is gone
    /// hears nothing.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_queue_ready(&mut self, root: ContextId, token: u32) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_queue_ready";
        self.guest.check(CALLBACK)?;
        let callback = self.exports.on_queue_ready.as_ref();
        let Some(callback) = callback.filter(|_| self.is_root(root)) else {
            return Ok(());
        };
        let entry = Entry {
            callback: CALLBACK,
            context: root,
            ticks: self.guest.deadlines.tick,
        };
        self.guest.call(entry, callback, (root.0, token))?;
        self.run_effects()
    }

    fn is_root(&self, id: ContextId) -> bool {
        self.guest.state().contexts.root(id).is_some()
    }

    /// Tells a plugin how its callout ended. A plugin that is gone hears nothing.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_http_call_response(
        &mut self,
        root: ContextId,
        token: u32,
        response: HttpCallResponse,
    ) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_http_call_response";
        self.guest.state_mut().in_flight.remove();
        self.guest.check(CALLBACK)?;
        let Some(callback) = &self.exports.on_http_call_response else {
            return Ok(());
        };
        let Some(context) = self.guest.state_mut().contexts.root_mut(root) else {
            return Ok(());
        };
        let (headers, body, trailers) = match &response {
            HttpCallResponse::Complete {
                headers,
                body,
                trailers,
            } => (
                length(headers.len()),
                length(body.len()),
                length(trailers.len()),
            ),
            HttpCallResponse::Reset => {
                let code = Status::BrokenConnection.to_u32();
                context.status = CalloutStatus {
                    code,
                    message: "reset".into(),
                };
                (0, 0, 0)
            }
        };
        context.response = Some(response);
        let ticks = self.guest.deadlines.tick;
        let entry = Entry {
            callback: CALLBACK,
            context: root,
            ticks,
        };
        let result = self
            .guest
            .call(entry, callback, (root.0, token, headers, body, trailers));
        if let Some(context) = self.guest.state_mut().contexts.root_mut(root) {
            context.response = None;
            context.status.message = "".into();
        }
        result?;
        self.run_effects()
    }

    /// Asks a plugin to finish. Returns whether it is gone; if not, it goes after it has called
    /// `proxy_done`, which [`has_context`](Self::has_context) shows.
    ///
    /// # Errors
    ///
    /// When the guest does not complete a callback.
    pub fn shut_down(&mut self, root: ContextId) -> Result<bool, Fault> {
        self.guest.check("proxy_on_done")?;
        if !self.is_root(root) {
            return Ok(true);
        }
        let mut is_done = 1;
        if let Some(on_done) = &self.exports.on_done {
            let entry = self.configure_entry("proxy_on_done", root);
            is_done = self.guest.call(entry, on_done, root.0)?;
        }
        if is_done != 0 {
            self.run_effects()?;
            self.delete_context(root, self.guest.deadlines.configure)?;
            return Ok(true);
        }
        if let Some(context) = self.guest.state_mut().contexts.root_mut(root) {
            context.awaits_done = true;
        }
        self.run_effects()?;
        Ok(false)
    }

    /// Tells the guest that a context is deleted, and forgets it.
    pub(super) fn delete_context(&mut self, id: ContextId, ticks: u64) -> Result<(), Fault> {
        let result = match &self.exports.on_delete {
            Some(on_delete) => {
                let entry = Entry {
                    callback: "proxy_on_delete",
                    context: id,
                    ticks,
                };
                self.guest.call(entry, on_delete, id.0)
            }
            None => Ok(()),
        };
        self.forget_context(id);
        result
    }

    /// Removes a context; what a root still waits for is given up.
    fn forget_context(&mut self, id: ContextId) {
        let state = self.guest.state_mut();
        if let Some(Context::Root(mut root)) = state.contexts.remove(id) {
            for token in root.grpc.take_live() {
                state.services.cancel_grpc(token);
            }
        }
    }
}

/// A length for the guest; nothing near 4 GiB fits it, so saturating loses nothing.
pub(super) fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
