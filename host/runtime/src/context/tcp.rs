//! `TcpContext`: one plugin's view of one TCP connection.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::Declarations;
use crate::host::{TcpHost, TcpPeer};
use crate::{ContextId, PluginConfig};

/// The state of a TCP context.
pub(crate) struct TcpContext {
    pub(crate) root: ContextId,
    pub(crate) plugin: Arc<PluginConfig>,
    pub(crate) host: Rc<dyn TcpHost>,
    pub(crate) declarations: Declarations,
    /// Whether data of the client, or of the upstream, may be touched: from its callback until a
    /// callback lets it pass.
    downstream_open: bool,
    upstream_open: bool,
    /// Whether the guest has been told of the context.
    pub(crate) is_announced: bool,
    /// Whether the connection is closed, so that nothing can be done to it.
    pub(crate) has_ended: bool,
}

impl TcpContext {
    pub(crate) fn new(root: ContextId, plugin: Arc<PluginConfig>, host: Rc<dyn TcpHost>) -> Self {
        Self {
            root,
            plugin,
            host,
            declarations: Declarations::default(),
            downstream_open: false,
            upstream_open: false,
            is_announced: false,
            has_ended: false,
        }
    }

    pub(crate) fn open_data(&mut self, from: TcpPeer) {
        *self.is_open_mut(from) = true;
    }

    pub(crate) fn close_data(&mut self, from: TcpPeer) {
        *self.is_open_mut(from) = false;
    }

    pub(crate) fn has_data(&self, from: TcpPeer) -> bool {
        match from {
            TcpPeer::Downstream => self.downstream_open,
            TcpPeer::Upstream => self.upstream_open,
        }
    }

    fn is_open_mut(&mut self, from: TcpPeer) -> &mut bool {
        match from {
            TcpPeer::Downstream => &mut self.downstream_open,
            TcpPeer::Upstream => &mut self.upstream_open,
        }
    }
}

impl fmt::Debug for TcpContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpContext")
            .field("root", &self.root)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
