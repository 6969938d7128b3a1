//! Contexts: a table from context id to context.
//!
//! Hosts count ids up, so a sorted list is appended to at its end, and a search is a few steps
//! even with thousands of streams. What is removed leaves a gap until half of the list is gaps.

/// A map from context id to `T`.
#[derive(Debug)]
pub(super) struct Contexts<T> {
    /// Sorted by id; `None` for a context that is gone.
    entries: Vec<(u32, Option<T>)>,
    gaps: usize,
}

impl<T> Default for Contexts<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Contexts<T> {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            gaps: 0,
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<&T> {
        let place = self.place(id).ok()?;
        self.entries.get(place)?.1.as_ref()
    }

    /// Returns the context with the lowest id above `id`.
    pub(super) fn after(&self, id: u32) -> Option<(u32, &T)> {
        let above = self.entries.iter().filter(|(other, _)| *other > id);
        above
            .filter_map(|(other, context)| Some((*other, context.as_ref()?)))
            .next()
    }

    /// Inserts a context and returns the one it replaces.
    pub(super) fn insert(&mut self, id: u32, context: T) -> Option<T> {
        if let Ok(place) = self.place(id) {
            return self.entries.get_mut(place)?.1.replace(context);
        }
        self.entries.push((id, Some(context)));
        // No known host gives out an id below an earlier one.
        let mut entries = self.entries.iter_mut().rev();
        let mut last = entries.next()?;
        for before in entries {
            if before.0 < last.0 {
                break;
            }
            std::mem::swap(before, last);
            last = before;
        }
        None
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<T> {
        let place = self.place(id).ok()?;
        let removed = self.entries.get_mut(place)?.1.take()?;
        self.gaps += 1;
        if self.gaps * 2 > self.entries.len() {
            self.entries.retain(|(_, context)| context.is_some());
            self.gaps = 0;
        }
        Some(removed)
    }

    fn place(&self, id: u32) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&id, |(id, _)| *id)
    }
}

#[cfg(any(not(target_arch = "wasm32"), test))]
impl<T> Contexts<T> {
    pub(super) const fn len(&self) -> usize {
        self.entries.len() - self.gaps
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().filter_map(|(_, context)| context)
    }
}

#[cfg(test)]
mod tests {
    use super::Contexts;

    #[test]
    fn contexts_are_found_in_whatever_order_they_came() {
        let mut contexts = Contexts::new();
        for id in [5, 1, 9, 2, 7] {
            assert_eq!(contexts.insert(id, id * 10), None);
        }
        assert_eq!(contexts.insert(9, 91), Some(90));
        assert_eq!(contexts.remove(2), Some(20));
        let found: Vec<_> = (1..=9).filter_map(|id| contexts.get(id).copied()).collect();
        assert_eq!(found, [10, 50, 70, 91]);
    }

    #[test]
    fn gaps_are_closed_and_reused() {
        let mut contexts = Contexts::new();
        contexts.insert(1, 1);
        for id in 2..10_000 {
            contexts.insert(id, id);
            assert_eq!(contexts.remove(id), Some(id));
            assert_eq!(contexts.remove(id), None);
            assert_eq!(contexts.get(1), Some(&1));
        }
        assert!(contexts.entries.capacity() < 16);
        assert_eq!(contexts.len(), 1);
    }

    #[test]
    fn the_next_context_is_the_one_with_the_next_id() {
        let mut contexts = Contexts::new();
        for id in [2, 4, 8] {
            contexts.insert(id, id);
        }
        contexts.remove(4);
        assert_eq!(contexts.after(2), Some((8, &8)));
        assert_eq!(contexts.after(8), None);
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let mut contexts = Contexts::<u32>::new();
        assert_eq!(contexts.get(0), None);
        assert_eq!(contexts.remove(7), None);
    }
}
