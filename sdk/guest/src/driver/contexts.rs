//! Contexts: a table from context id to context.
//!
//! Hosts count ids up, so the low bits of an id are its place, and those of streams that live at
//! the same time seldom meet; one that finds its place taken lies in the next free one.

/// A map from context id to `T`.
#[derive(Debug)]
pub(super) struct Contexts<T> {
    /// As many as a power of two, and at least half of them free; none before the first insertion.
    slots: Vec<Option<(u32, T)>>,
    len: usize,
}

impl<T> Default for Contexts<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Contexts<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
        }
    }

    pub(super) fn get(&self, id: u32) -> Option<&T> {
        match self.slots.get(self.first(id))? {
            Some((other, context)) if *other == id => Some(context),
            None => None,
            Some(_) => {
                let slot = self.slots.get(self.place(id))?.as_ref();
                slot.map(|(_, context)| context)
            }
        }
    }

    /// Returns the context with the lowest id above `id`.
    pub(super) fn after(&self, id: u32) -> Option<(u32, &T)> {
        let entries = self.slots.iter().flatten();
        let above = entries.filter(|(other, _)| *other > id);
        let next = above.min_by_key(|(other, _)| *other);
        next.map(|(other, context)| (*other, context))
    }

    /// Inserts a context and returns the one it replaces.
    pub(super) fn insert(&mut self, id: u32, context: T) -> Option<T> {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let replaced = self.put(id, context);
        self.len += usize::from(replaced.is_none());
        replaced
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<T> {
        let first = self.first(id);
        let mut place = match self.slots.get(first)? {
            Some((other, _)) if *other == id => first,
            _ => self.place(id),
        };
        let (_, removed) = self.slots.get_mut(place)?.take()?;
        self.len -= 1;
        // Those that lie behind may have found this place taken.
        loop {
            place = (place + 1) & self.mask();
            let Some((id, context)) = self.slots.get_mut(place).and_then(Option::take) else {
                return Some(removed);
            };
            self.put(id, context);
        }
    }

    /// Puts a context into its slot; there is a free one.
    fn put(&mut self, id: u32, context: T) -> Option<T> {
        let first = self.first(id);
        if let Some(slot @ None) = self.slots.get_mut(first) {
            *slot = Some((id, context));
            return None;
        }
        let place = self.place(id);
        let replaced = self.slots.get_mut(place)?.replace((id, context));
        replaced.map(|(_, context)| context)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(8);
        let entries = std::mem::take(&mut self.slots);
        self.slots.resize_with(size, || None);
        for (id, context) in entries.into_iter().flatten() {
            self.put(id, context);
        }
    }

    const fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    /// The place that a context has unless another one has it.
    fn first(&self, id: u32) -> usize {
        usize::try_from(id).unwrap_or_default() & self.mask()
    }

    /// The place of a context, or where it would lie.
    #[cold]
    #[inline(never)]
    fn place(&self, id: u32) -> usize {
        let mut place = self.first(id);
        while let Some(Some((other, _))) = self.slots.get(place)
            && *other != id
        {
            place = (place + 1) & self.mask();
        }
        place
    }
}

#[cfg(any(not(target_arch = "wasm32"), test))]
impl<T> Contexts<T> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().flatten().map(|(_, context)| context)
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
    fn places_are_reused() {
        let mut contexts = Contexts::new();
        contexts.insert(1, 1);
        for id in 2..10_000 {
            contexts.insert(id, id);
            assert_eq!(contexts.remove(id), Some(id));
            assert_eq!(contexts.remove(id), None);
            assert_eq!(contexts.get(1), Some(&1));
        }
        assert!(contexts.slots.capacity() < 16);
        assert_eq!(contexts.len(), 1);
    }

    #[test]
    fn contexts_that_want_one_place_are_all_found() {
        let mut contexts = Contexts::new();
        for id in [7, 15, 23, 8] {
            contexts.insert(id, id);
        }
        assert_eq!(contexts.remove(15), Some(15));
        assert_eq!(contexts.remove(15), None);
        for id in [7, 23, 8] {
            assert_eq!(contexts.get(id), Some(&id));
        }
        for id in 100..200 {
            contexts.insert(id, id);
        }
        assert!((100..200).all(|id| contexts.remove(id) == Some(id)));
        assert_eq!(contexts.after(8), Some((23, &23)));
        assert_eq!(contexts.len(), 3);
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
