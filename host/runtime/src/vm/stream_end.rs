//! The end of a stream: logged, done, deleted.

use super::Vm;
use super::guest::Entry;
use super::http::unknown_context;
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

    /// Tells a plugin that a stream is done and deleted, and forgets the stream and its host. A
    /// stream that the guest never heard of ends without a word.
    ///
    /// # Errors
    ///
    /// When the guest does not complete a callback. The stream is forgotten all the same.
    pub fn delete_http_context(&mut self, id: ContextId) -> Result<(), Fault> {
        let result = self.end_stream(id);
        self.guest.state_mut().contexts.remove(id);
        result
    }

    fn end_stream(&mut self, id: ContextId) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_done";
        self.guest.check(CALLBACK)?;
        let Some(http) = self.guest.state_mut().contexts.http_mut(id) else {
            return Err(unknown_context(id, CALLBACK));
        };
        http.has_ended = true;
        if !http.is_announced {
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
