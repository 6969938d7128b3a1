//! The events of a TCP connection, and the actions a guest answers with.

use std::rc::Rc;

use tollgate_abi::{NetworkAction, PeerType};

use super::Vm;
use super::guest::Entry;
use super::http::unknown_context;
use super::plugin::length;
use crate::host::{TcpHost, TcpPeer};
use crate::{ContextId, Fault};

const ON_NEW_CONNECTION: &str = "proxy_on_new_connection";

const fn data_callback(from: TcpPeer) -> &'static str {
    match from {
        TcpPeer::Downstream => "proxy_on_downstream_data",
        TcpPeer::Upstream => "proxy_on_upstream_data",
    }
}

const fn close_callback(of: TcpPeer) -> &'static str {
    match of {
        TcpPeer::Downstream => "proxy_on_downstream_connection_close",
        TcpPeer::Upstream => "proxy_on_upstream_connection_close",
    }
}

impl Vm {
    /// Tells a plugin of a connection that was accepted.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_new_connection(&mut self, id: ContextId) -> Result<NetworkAction, Fault> {
        self.announce(id, ON_NEW_CONNECTION)?;
        let Some(callback) = &self.exports.tcp.on_new_connection else {
            return Ok(NetworkAction::Continue);
        };
        let entry = self.stream_entry(ON_NEW_CONNECTION, id);
        let number = self.guest.call(entry, callback, id.0)?;
        let action = self.unless_resumed(id, number);
        self.run_effects()?;
        Ok(action)
    }

    /// Delivers data of the client: what the host's `data_len` says, which is all that no earlier
    /// callback has let pass.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_downstream_data(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        self.on_data(id, TcpPeer::Downstream, end_of_stream)
    }

    /// Delivers data of the upstream on its way to the client. With the last of it the embedder
    /// calls [`on_upstream_connection_close`](Self::on_upstream_connection_close) too, as Envoy
    /// does: it has no other sign of that.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_upstream_data(
        &mut self,
        id: ContextId,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        self.on_data(id, TcpPeer::Upstream, end_of_stream)
    }

    /// Tells a plugin who closed the connection with the client. From then on nothing can be done
    /// to it; [`delete_tcp_context`](Self::delete_tcp_context) follows.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_downstream_connection_close(
        &mut self,
        id: ContextId,
        by: PeerType,
    ) -> Result<(), Fault> {
        if let Some(tcp) = self.guest.state_mut().contexts.tcp_mut(id) {
            tcp.has_ended = true;
        }
        self.on_close(id, TcpPeer::Downstream, by)
    }

    /// Tells a plugin that the upstream sends no more.
    ///
    /// # Errors
    ///
    /// When the guest does not complete the callback.
    pub fn on_upstream_connection_close(
        &mut self,
        id: ContextId,
        by: PeerType,
    ) -> Result<(), Fault> {
        self.on_close(id, TcpPeer::Upstream, by)
    }

    /// Tells a plugin that a connection is done, can be logged and is deleted, in this order, and
    /// forgets the connection and its host. A connection that the guest never heard of ends
    /// without a word.
    ///
    /// # Errors
    ///
    /// When the guest does not complete a callback. The connection is forgotten all the same.
    pub fn delete_tcp_context(&mut self, id: ContextId) -> Result<(), Fault> {
        let result = self.end_connection(id);
        self.guest.state_mut().forget_stream(id);
        result
    }

    fn end_connection(&mut self, id: ContextId) -> Result<(), Fault> {
        const CALLBACK: &str = "proxy_on_done";
        self.guest.check(CALLBACK)?;
        let Some(tcp) = self.guest.state_mut().contexts.tcp_mut(id) else {
            return Err(unknown_context(id, CALLBACK));
        };
        tcp.has_ended = true;
        if !tcp.is_announced {
            return Ok(());
        }
        if let Some(on_done) = &self.exports.on_done {
            // Only a root's answer counts.
            self.guest
                .call(self.stream_entry(CALLBACK, id), on_done, id.0)?;
            self.run_effects()?;
        }
        self.on_log(id)?;
        self.delete_context(id, self.guest.deadlines.stream)?;
        self.run_effects()
    }

    fn on_data(
        &mut self,
        id: ContextId,
        from: TcpPeer,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        let callback = data_callback(from);
        self.announce(id, callback)?;
        let entry = self.stream_entry(callback, id);
        let Some(tcp) = self.guest.state_mut().contexts.tcp_mut(id) else {
            return Err(unknown_context(id, callback));
        };
        let Some(function) = self.exports.tcp.on_data(from) else {
            return Ok(NetworkAction::Continue);
        };
        tcp.open_data(from);
        let size = length(tcp.host.data_len(from));
        let params = (id.0, size, u32::from(end_of_stream));
        let number = self.guest.call(entry, function, params)?;
        let action = match from {
            TcpPeer::Downstream => self.unless_resumed(id, number),
            TcpPeer::Upstream => NetworkAction::from_u32(number),
        };
        if action == NetworkAction::Continue
            && let Some(tcp) = self.guest.state_mut().contexts.tcp_mut(id)
        {
            tcp.close_data(from);
        }
        self.run_effects()?;
        Ok(action)
    }

    fn on_close(&mut self, id: ContextId, of: TcpPeer, by: PeerType) -> Result<(), Fault> {
        let callback = close_callback(of);
        self.guest.check(callback)?;
        let Some(tcp) = self.guest.state().contexts.tcp(id) else {
            return Err(unknown_context(id, callback));
        };
        // A filter that an earlier one has kept the connection from hears nothing of its end.
        if !tcp.is_announced {
            return Ok(());
        }
        let Some(function) = self.exports.tcp.on_close(of) else {
            return Ok(());
        };
        let entry = self.stream_entry(callback, id);
        self.guest.call(entry, function, (id.0, by.to_u32()))?;
        self.run_effects()
    }

    /// A guest that resumes and then stops means "go on": resuming first would be lost.
    fn unless_resumed(&mut self, id: ContextId, number: u32) -> NetworkAction {
        let action = NetworkAction::from_u32(number);
        let stops = action == NetworkAction::StopIteration;
        if stops && self.guest.state_mut().take_downstream_resume(id) {
            NetworkAction::Continue
        } else {
            action
        }
    }

    pub(super) fn tcp_host(&self, id: ContextId) -> Option<Rc<dyn TcpHost>> {
        let tcp = self.guest.state().contexts.tcp(id)?;
        Some(Rc::clone(&tcp.host))
    }

    const fn stream_entry(&self, callback: &'static str, context: ContextId) -> Entry {
        Entry {
            callback,
            context,
            ticks: self.guest.deadlines.stream,
        }
    }
}
