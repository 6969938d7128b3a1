//! `ContextTable`: the live contexts of a VM by their ids.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use super::{HttpContext, RootContext, TcpContext};
use crate::ContextId;
use crate::vm::Numbers;

/// A live context.
#[derive(Debug)]
pub(crate) enum Context {
    Root(Box<RootContext>),
    Http(HttpContext),
    Tcp(TcpContext),
}

/// Ids are small numbers given out in order, so they are their own hash.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        // The table looks at the top bits too.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id);
    }
}

/// The live contexts of a VM.
#[derive(Debug, Default)]
pub(crate) struct ContextTable {
    contexts: HashMap<ContextId, Context, BuildHasherDefault<IdHasher>>,
}

impl ContextTable {
    /// Adds a context under a new id.
    pub(crate) fn insert(&mut self, context: Context, numbers: &Numbers) -> ContextId {
        loop {
            let id = numbers.next_context();
            if let Entry::Vacant(vacant) = self.contexts.entry(id) {
                vacant.insert(context);
                return id;
            }
        }
    }

    /// Adds a root under the id that it has in the VM of the snapshot.
    pub(crate) fn restore(&mut self, id: ContextId, root: RootContext) {
        self.contexts.insert(id, Context::Root(Box::new(root)));
    }

    /// Removes all contexts and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.contexts.clear();
    }

    /// Returns whether there is nothing but roots that wait for no gRPC callout.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.contexts.values().all(|context| match context {
            Context::Root(root) => root.grpc.len() == 0,
            Context::Http(_) | Context::Tcp(_) => false,
        })
    }

    /// Returns the roots in the order of their ids, or how many other contexts there are.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &RootContext> {
        self.contexts.values().filter_map(|context| match context {
            Context::Root(root) => Some(&**root),
            Context::Http(_) | Context::Tcp(_) => None,
        })
    }

    pub(crate) fn only_roots(&self) -> Result<Vec<(ContextId, &RootContext)>, usize> {
        let mut roots: Vec<_> = self
            .contexts
            .iter()
            .filter_map(|(id, context)| match context {
                Context::Root(root) => Some((*id, root.as_ref())),
                Context::Http(_) | Context::Tcp(_) => None,
            })
            .collect();
        if roots.len() < self.contexts.len() {
            return Err(self.contexts.len() - roots.len());
        }
        roots.sort_unstable_by_key(|(id, _)| *id);
        Ok(roots)
    }

    pub(crate) fn remove(&mut self, id: ContextId) -> Option<Context> {
        self.contexts.remove(&id)
    }

    pub(crate) fn contains(&self, id: ContextId) -> bool {
        self.contexts.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.contexts.len()
    }

    pub(crate) fn get(&self, id: ContextId) -> Option<&Context> {
        self.contexts.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ContextId) -> Option<&mut Context> {
        self.contexts.get_mut(&id)
    }

    /// Returns the stream of a context; a root that logs one acts on that.
    pub(crate) fn http(&self, id: ContextId) -> Option<&HttpContext> {
        match self.contexts.get(&id)? {
            Context::Http(http) => Some(http),
            Context::Root(root) => root.logged.as_deref(),
            Context::Tcp(_) => None,
        }
    }

    pub(crate) fn http_mut(&mut self, id: ContextId) -> Option<&mut HttpContext> {
        match self.contexts.get_mut(&id)? {
            Context::Http(http) => Some(http),
            Context::Root(root) => root.logged.as_deref_mut(),
            Context::Tcp(_) => None,
        }
    }

    pub(crate) fn tcp(&self, id: ContextId) -> Option<&TcpContext> {
        match self.contexts.get(&id)? {
            Context::Tcp(tcp) => Some(tcp),
            Context::Root(_) | Context::Http(_) => None,
        }
    }

    pub(crate) fn tcp_mut(&mut self, id: ContextId) -> Option<&mut TcpContext> {
        match self.contexts.get_mut(&id)? {
            Context::Tcp(tcp) => Some(tcp),
            Context::Root(_) | Context::Http(_) => None,
        }
    }

    pub(crate) fn root(&self, id: ContextId) -> Option<&RootContext> {
        match self.contexts.get(&id)? {
            Context::Root(root) => Some(root),
            Context::Http(_) | Context::Tcp(_) => None,
        }
    }

    pub(crate) fn root_mut(&mut self, id: ContextId) -> Option<&mut RootContext> {
        match self.contexts.get_mut(&id)? {
            Context::Root(root) => Some(root),
            Context::Http(_) | Context::Tcp(_) => None,
        }
    }

    /// Returns the root a context belongs to; a root is its own.
    pub(crate) fn root_of(&self, id: ContextId) -> Option<ContextId> {
        match self.contexts.get(&id)? {
            Context::Root(_) => Some(id),
            Context::Http(http) => Some(http.root),
            Context::Tcp(tcp) => Some(tcp.root),
        }
    }
}
