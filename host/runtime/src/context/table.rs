//! `ContextTable`: the live contexts of a VM by their ids.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use super::{HttpContext, RootContext, TcpContext};
use crate::ContextId;

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
    last: u32,
}

impl ContextTable {
    /// Adds a context under a new id. Ids are never reused: a late callback must not hit a new
    /// stream. After four billion they wrap, past 0 and past those still live.
    pub(crate) fn insert(&mut self, context: Context) -> ContextId {
        loop {
            self.last = self.last.wrapping_add(1).max(1);
            let id = ContextId(self.last);
            if let Entry::Vacant(vacant) = self.contexts.entry(id) {
                vacant.insert(context);
                return id;
            }
        }
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
