//! `Declarations`: the properties that a context has declared.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tollgate_abi::Status;

use crate::host::PropertyDeclaration;

/// Most properties that one context may declare.
const MAX_DECLARATIONS: usize = 1000;

type ByName = HashMap<Box<[u8]>, Arc<PropertyDeclaration>>;

/// Declared properties by name. A root's count for all of its streams; what a stream declares is
/// remembered and never used, as in Envoy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declarations {
    /// Made with the first declaration: most contexts declare nothing.
    by_name: Option<Arc<ByName>>,
}

impl Declarations {
    /// Adds a property; `BadArgument` when the name is declared already or there are too many.
    pub(crate) fn declare(
        &mut self,
        name: &[u8],
        declaration: PropertyDeclaration,
    ) -> Result<(), Status> {
        let by_name = Arc::make_mut(self.by_name.get_or_insert_default());
        let is_full = by_name.len() >= MAX_DECLARATIONS;
        match by_name.entry(name.into()) {
            Entry::Vacant(vacant) if !is_full => {
                vacant.insert(Arc::new(declaration));
                Ok(())
            }
            Entry::Vacant(_) | Entry::Occupied(_) => Err(Status::BadArgument),
        }
    }

    /// Returns how a property was declared.
    pub(crate) fn of(&self, name: &[u8]) -> Option<Arc<PropertyDeclaration>> {
        self.by_name.as_ref()?.get(name).cloned()
    }
}
