//! `CurrentClusters`: where plugins call out to; a reload that keeps a plugin changes it.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::cluster::{Cluster, ClusterManager};

/// The clusters of the generation that a VM serves.
pub(super) struct CurrentClusters {
    current: RefCell<Rc<ClusterManager>>,
    /// Those before, for streams that are still of that generation.
    before: RefCell<Weak<ClusterManager>>,
}

impl CurrentClusters {
    pub(super) fn new(clusters: &Rc<ClusterManager>) -> Rc<Self> {
        Rc::new(Self {
            current: RefCell::new(Rc::clone(clusters)),
            before: RefCell::default(),
        })
    }

    /// Another generation is served from now on.
    pub(super) fn set(&self, clusters: &Rc<ClusterManager>) {
        if !Rc::ptr_eq(&self.current.borrow(), clusters) {
            let before = self.current.replace(Rc::clone(clusters));
            self.before.replace(Rc::downgrade(&before));
        }
    }

    /// Returns a cluster.
    pub(super) fn get(&self, name: &str) -> Option<Rc<Cluster>> {
        if let Some(cluster) = self.current.borrow().get(name) {
            return Some(Rc::clone(cluster));
        }
        self.before.borrow().upgrade()?.get(name).cloned()
    }

    /// Returns the clusters among which one of this name would be.
    pub(super) fn with(&self, name: &str) -> Rc<ClusterManager> {
        let current = Rc::clone(&self.current.borrow());
        if current.get(name).is_none()
            && let Some(before) = self.before.borrow().upgrade()
            && before.get(name).is_some()
        {
            return before;
        }
        current
    }
}

impl fmt::Debug for CurrentClusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentClusters").finish_non_exhaustive()
    }
}
