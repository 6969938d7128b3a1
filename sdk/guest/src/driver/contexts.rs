//! Contexts: a table from context id to context.
//!
//! Hosts count ids up, so the low bits of an id are its place, and those of streams that live at
//! the same time seldom meet; one that finds its place taken lies in the next free one.

use std::iter::repeat_with;

/// A map from context id to `T`.
#[derive(Debug)]
pub(super) struct Contexts<T> {
    /// As many as a power of two, and at least half of them free; none before the first insertion.
    slots: Vec<Option<(u32, T)>>,
    /// How many more there may be before the slots have to grow.
    room: usize,
    /// How many lie beside the place that is theirs.
    displaced: usize,
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
            room: 0,
            displaced: 0,
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

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        let place = self.place(id);
        let slot = self.slots.get_mut(place)?.as_mut();
        slot.map(|(_, context)| context)
    }

    /// Returns the context with the lowest id above `id`.
    pub(super) fn after(&self, id: u32) -> Option<(u32, &T)> {
        let entries = self.slots.iter().flatten();
        let above = entries.filter(|(other, _)| *other > id);
        let next = above.min_by_key(|(other, _)| *other);
        next.map(|(other, context)| (*other, context))
    }

    /// Returns the slot for a new context if it is the one that is its own, and free: then it is to
    /// be filled. Otherwise it takes [`insert`](Self::insert).
    pub(super) fn vacate(&mut self, id: u32) -> Option<&mut Option<(u32, T)>> {
        let first = self.first(id);
        let slot = self.slots.get_mut(first).filter(|slot| slot.is_none())?;
        self.room = self.room.checked_sub(1)?;
        Some(slot)
    }

    /// Inserts a context. There is none with its id.
    pub(super) fn insert(&mut self, id: u32, context: T) {
        if self.room == 0 {
            self.grow();
        }
        self.room -= 1;
        self.put(id, context);
    }

    /// Removes a context whose slot is its own, while no other one lies in a slot that is not.
    /// Otherwise it takes [`remove`](Self::remove).
    pub(super) fn remove_own(&mut self, id: u32) -> Option<T> {
        if self.displaced > 0 {
            return None;
        }
        let first = self.first(id);
        let slot = self.slots.get_mut(first)?;
        let (_, removed) = slot.take_if(|(other, _)| *other == id)?;
        self.room += 1;
        Some(removed)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<T> {
        let mut place = self.place(id);
        let mut removed = None;
        while let Some((id, context)) = self.slots.get_mut(place)?.take() {
            self.displaced -= usize::from(self.first(id) != place);
            // Those that lie behind may have found this place taken.
            if removed.is_some() {
                self.put(id, context);
            } else {
                self.room += 1;
                removed = Some(context);
            }
            place = (place + 1) & self.mask();
        }
        removed
    }

    /// Puts a context into its slot; there is a free one.
    #[inline(never)]
    fn put(&mut self, id: u32, context: T) {
        let place = self.place(id);
        self.displaced += usize::from(self.first(id) != place);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some((id, context));
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(8);
        let slots = repeat_with(|| None).take(size).collect();
        let entries = std::mem::replace(&mut self.slots, slots);
        (self.room, self.displaced) = (size / 2, 0);
        for (id, context) in entries.into_iter().flatten() {
            self.room -= 1;
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
        self.slots.len() / 2 - self.room
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (u32, T)> {
        self.slots.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::Contexts;

    #[test]
    fn contexts_are_found_in_whatever_order_they_came() {
        let mut contexts = Contexts::new();
        for id in [5, 1, 9, 2, 7] {
            contexts.insert(id, id * 10);
        }
        assert_eq!(contexts.remove(2), Some(20));
        let found: Vec<_> = (1..=9).filter_map(|id| contexts.get(id).copied()).collect();
        assert_eq!(found, [10, 50, 70, 90]);
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
    fn own_slots_are_used_while_all_contexts_have_theirs() {
        let mut contexts = Contexts::new();
        assert!(contexts.vacate(1).is_none(), "there is no slot yet");
        contexts.insert(1, 1);
        *contexts.vacate(2).unwrap() = Some((2, 2));
        assert!(contexts.vacate(9).is_none(), "1 has the slot of 9");
        assert_eq!(contexts.remove_own(1), Some(1));
        assert_eq!(contexts.remove_own(1), None);
        for id in [9, 1] {
            contexts.insert(id, id);
        }
        assert_eq!(contexts.remove_own(2), None, "1 lies beside its slot");
        assert_eq!(contexts.remove(9), Some(9));
        assert_eq!(contexts.remove_own(1), Some(1), "now it lies in it");
        assert_eq!(contexts.remove_own(2), Some(2));
        assert_eq!(contexts.len(), 0);
    }

    #[test]
    fn no_more_slots_than_half_are_taken() {
        let mut contexts = Contexts::new();
        contexts.insert(0, 0);
        for id in 1..4 {
            *contexts.vacate(id).unwrap() = Some((id, id));
        }
        assert!(contexts.vacate(4).is_none());
        contexts.insert(4, 4);
        assert!((0..5).all(|id| contexts.get(id) == Some(&id)));
        assert_eq!(contexts.len(), 5);
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
