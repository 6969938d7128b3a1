//! The end of a stream: logged, done, deleted.

use std::rc::Rc;
use std::sync::Arc;

use super::Vm;
use super::guest::Entry;
use super::http::unknown_context;
use crate::context::HttpContext;
use crate::host::HttpHost;
use crate::{ContextId, Fault};

impl Vm {
    /// Tells a plugin that a stream has ended and can be logged. All maps are read-only.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_log(&mut self, id: ContextId) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_log";
        self.announce(id, CALLBACK)?;
        if let Some(http) = self.guest.state_mut().contexts.http_mut(id) {
            http.access.start_logging();
            http.has_ended = true;
        }
        let Some(on_log) = &self.exports.on_log else {
            return Ok(());
        };
        let ticks = self.guest.deadlines.stream;
        let entry = Entry {
            callback: CALLBACK,
            context: id,
            ticks,
        };
        self.guest.call(entry, on_log, id.0)?;
        self.run_effects()
    }

    /// Tells a plugin's root, as an access logger, that a stream has ended. The guest reads the
    /// stream's maps and properties through its root context.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback, or `root` is no root of this VM.
    pub fn on_stream_log(
        &mut self,
        root: ContextId,
        stream: Rc<dyn HttpHost>,
    ) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_log";
        self.guest.check(CALLBACK)?;
        let Some(on_log) = &self.exports.on_log else {
            return Ok(());
        };
        let Some(context) = self.guest.state_mut().contexts.root_mut(root) else {
            return Err(unknown_context(root, CALLBACK));
        };
        let plugin = Arc::clone(&context.plugin);
        let mut logged = HttpContext::new(root, plugin, stream);
        logged.access.start_logging();
        logged.has_ended = true;
        context.logged = Some(Box::new(logged));
        let entry = Entry {
            callback: CALLBACK,
            context: root,
            ticks: self.guest.deadlines.stream,
        };
        let result = self.guest.call(entry, on_log, root.0);
        if let Some(context) = self.guest.state_mut().contexts.root_mut(root) {
            context.logged = None;
        }
        result?;
        self.run_effects()
    }

    /// Tells a plugin that a stream is done and deleted, and forgets the stream and its host. A
    /// stream that the guest never heard of ends without a word.
    ///
    /// # Errors
    ///
    /// When the guest does not complete a callback. The stream is forgotten all the same.
    pub fn delete_http_context(&mut self, id: ContextId) -> Result<(), Fault> {
        let result = self.end_stream(id);
        self.guest.state_mut().forget_stream(id);
        result
    }

    /// Returns whether the guest has deleted its context of a stream, before the stream has ended. A
    /// module does so that exports `tollgate_on_request`, with streams that mean nothing more to it
    /// once the headers of their request have passed.
    #[must_use]
    pub fn has_deleted_http_context(&self, id: ContextId) -> bool {
        let contexts = &self.guest.state().contexts;
        contexts.http(id).is_some_and(|http| http.is_deleted)
    }

    fn end_stream(&mut self, id: ContextId) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_done";
        self.guest.check(CALLBACK)?;
        let Some(http) = self.guest.state_mut().contexts.http_mut(id) else {
            return Err(unknown_context(id, CALLBACK));
        };
        http.has_ended = true;
        if !http.is_announced || http.is_deleted {
            return Ok(());
        }
        let ticks = self.guest.deadlines.stream;
        if let Some(on_done) = &self.exports.on_done {
            let entry = Entry {
                callback: CALLBACK,
                context: id,
                ticks,
            };
            // Only a root's answer counts.
            self.guest.call(entry, on_done, id.0)?;
            self.run_effects()?;
        }
        self.delete_context(id, ticks)?;
        self.run_effects()
    }
}
