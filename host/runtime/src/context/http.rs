//! `HttpContext`: one plugin's view of one HTTP stream.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::{Access, Declarations};
use crate::host::HttpHost;
use crate::{ContextId, PluginConfig};

/// The state of an HTTP context.
pub(crate) struct HttpContext {
    pub(crate) root: ContextId,
    pub(crate) plugin: Arc<PluginConfig>,
    pub(crate) host: Rc<dyn HttpHost>,
    pub(crate) access: Access,
    /// Whether the guest has been told of the context.
    pub(crate) is_announced: bool,
    /// Whether the guest has no such context any more, before the stream has ended.
    pub(crate) is_deleted: bool,
    /// Whether the stream has ended, so that nothing can be done to it.
    pub(crate) has_ended: bool,
    pub(crate) declarations: Declarations,
    /// Entries that the guest has added to maps, and their bytes, whatever has become of them.
    pub(crate) written: (usize, usize),
}

impl fmt::Debug for HttpContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpContext")
            .field("root", &self.root)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl HttpContext {
    pub(crate) fn new(root: ContextId, plugin: Arc<PluginConfig>, host: Rc<dyn HttpHost>) -> Self {
        Self {
            root,
            plugin,
            host,
            access: Access::default(),
            is_announced: false,
            is_deleted: false,
            has_ended: false,
            declarations: Declarations::default(),
            written: (0, 0),
        }
    }
}
