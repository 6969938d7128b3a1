//! `ContextTable`: the live contexts of a VM by their ids.

use std::collections::HashMap;
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
    /// The one that came last lies apart: most streams are over before the next one comes.
    newest: Option<(ContextId, Context)>,
    others: HashMap<ContextId, Context, BuildHasherDefault<IdHasher>>,
}

impl ContextTable {
    /// Adds a context under a new id.
    pub(crate) fn insert(&mut self, context: Context, numbers: &Numbers) -> ContextId {
        let mut id = numbers.next_context();
        while self.contains(id) {
            id = numbers.next_context();
        }
        self.put(id, context);
        id
    }

    fn put(&mut self, id: ContextId, context: Context) {
        if let Some((id, older)) = self.newest.replace((id, context)) {
            self.others.insert(id, older);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (ContextId, &Context)> {
        let newest = self.newest.iter().map(|(id, context)| (*id, context));
        newest.chain(self.others.iter().map(|(id, context)| (*id, context)))
    }

    /// Adds a root under the id that it has in the VM of the snapshot.
    pub(crate) fn restore(&mut self, id: ContextId, root: RootContext) {
        self.put(id, Context::Root(Box::new(root)));
    }

    /// Removes all contexts and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.newest = None;
        self.others.clear();
    }

    /// Returns whether there is nothing but roots that wait for no gRPC callout.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.iter().all(|(_, context)| match context {
            Context::Root(root) => root.grpc.len() == 0,
            Context::Http(_) | Context::Tcp(_) => false,
        })
    }

    /// Returns the roots in the order of their ids, or how many other contexts there are.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &RootContext> {
        self.iter().filter_map(|(_, context)| match context {
            Context::Root(root) => Some(&**root),
            Context::Http(_) | Context::Tcp(_) => None,
        })
    }

    pub(crate) fn only_roots(&self) -> Result<Vec<(ContextId, &RootContext)>, usize> {
        let mut roots: Vec<_> = self
            .iter()
            .filter_map(|(id, context)| match context {
                Context::Root(root) => Some((id, root.as_ref())),
                Context::Http(_) | Context::Tcp(_) => None,
            })
            .collect();
        if roots.len() < self.len() {
            return Err(self.len() - roots.len());
        }
        roots.sort_unstable_by_key(|(id, _)| *id);
        Ok(roots)
    }

    pub(crate) fn remove(&mut self, id: ContextId) -> Option<Context> {
        match self.newest.take_if(|(newest, _)| *newest == id) {
            Some((_, context)) => Some(context),
            None => self.others.remove(&id),
        }
    }

    pub(crate) fn contains(&self, id: ContextId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.others.len() + usize::from(self.newest.is_some())
    }

    pub(crate) fn get(&self, id: ContextId) -> Option<&Context> {
        match &self.newest {
            Some((newest, context)) if *newest == id => Some(context),
            _ => self.others.get(&id),
        }
    }

    pub(crate) fn get_mut(&mut self, id: ContextId) -> Option<&mut Context> {
        match &mut self.newest {
            Some((newest, context)) if *newest == id => Some(context),
            _ => self.others.get_mut(&id),
        }
    }

    /// Returns the stream of a context; a root that logs one acts on that.
    pub(crate) fn http(&self, id: ContextId) -> Option<&HttpContext> {
        match self.get(id)? {
            Context::Http(http) => Some(http),
            Context::Root(root) => root.logged.as_deref(),
            Context::Tcp(_) => None,
        }
    }

    pub(crate) fn http_mut(&mut self, id: ContextId) -> Option<&mut HttpContext> {
        match self.get_mut(id)? {
            Context::Http(http) => Some(http),
            Context::Root(root) => root.logged.as_deref_mut(),
            Context::Tcp(_) => None,
        }
    }

    pub(crate) fn tcp(&self, id: ContextId) -> Option<&TcpContext> {
        match self.get(id)? {
            Context::Tcp(tcp) => Some(tcp),
            Context::Root(_) | Context::Http(_) => None,
        }
    }

    pub(crate) fn tcp_mut(&mut self, id: ContextId) -> Option<&mut TcpContext> {
        match self.get_mut(id)? {
            Context::Tcp(tcp) => Some(tcp),
            Context::Root(_) | Context::Http(_) => None,
        }
    }

    pub(crate) fn root(&self, id: ContextId) -> Option<&RootContext> {
        match self.get(id)? {
            Context::Root(root) => Some(root),
            Context::Http(_) | Context::Tcp(_) => None,
        }
    }

    pub(crate) fn root_mut(&mut self, id: ContextId) -> Option<&mut RootContext> {
        match self.get_mut(id)? {
            Context::Root(root) => Some(root),
            Context::Http(_) | Context::Tcp(_) => None,
        }
    }

    /// Returns the root a context belongs to; a root is its own.
    pub(crate) fn root_of(&self, id: ContextId) -> Option<ContextId> {
        match self.get(id)? {
            Context::Root(_) => Some(id),
            Context::Http(http) => Some(http.root),
            Context::Tcp(tcp) => Some(tcp.root),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, ContextTable};
    use crate::context::RootContext;
    use crate::vm::Numbers;
    use crate::{ContextId, PluginConfig};

    #[test]
    fn contexts_are_found_in_whatever_order_they_come_and_go() {
        let (mut table, numbers) = (ContextTable::default(), Numbers::default());
        let insert = |table: &mut ContextTable| {
            let root = Box::new(RootContext::new(PluginConfig::default()));
            table.insert(Context::Root(root), &numbers)
        };
        let ids = [(); 4].map(|()| insert(&mut table));
        assert!(ids.iter().all(|id| table.root(*id).is_some()));
        assert_eq!(table.len(), 4);
        for id in [ids[3], ids[0], ids[2]] {
            assert!(table.remove(id).is_some());
            assert!(!table.contains(id) && table.remove(id).is_none());
        }
        let last = insert(&mut table);
        assert_eq!(table.only_roots().unwrap().len(), 2);
        assert!(table.root_mut(ids[1]).is_some() && table.contains(last));
        assert!(table.get(ContextId(u32::MAX)).is_none());
        table.clear();
        assert_eq!((table.len(), table.roots().count()), (0, 0));
    }
}
