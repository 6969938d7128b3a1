//! Contexts: a table from context id to context. Ids count up and live ones are few, so the table
//! is an open-addressed array in which an id's own low bits are its hash.

/// A map from context id to `T`.
#[derive(Debug)]
pub(super) struct Contexts<T> {
    /// A power of two of places, or none. At most half of them are taken.
    places: Vec<Option<(u32, T)>>,
    len: usize,
}

impl<T> Contexts<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            len: 0,
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn into_iter(self) -> impl Iterator<Item = T> {
        self.places
            .into_iter()
            .flatten()
            .map(|(_, context)| context)
    }

    pub(super) fn get(&self, id: u32) -> Option<&T> {
        let mut place = self.home(id);
        loop {
            match self.places.get(place)? {
                Some((other, context)) if *other == id => return Some(context),
                Some(_) => place = self.next(place),
                None => return None,
            }
        }
    }

    /// Inserts a context and returns the one it replaces.
    pub(super) fn insert(&mut self, id: u32, context: T) -> Option<T> {
        if (self.len + 1) * 2 > self.places.len() {
            self.grow();
        }
        let mut place = self.home(id);
        loop {
            let next = self.next(place);
            let taken = self.places.get_mut(place)?;
            match taken {
                Some((other, old)) if *other == id => return Some(std::mem::replace(old, context)),
                Some(_) => place = next,
                None => {
                    *taken = Some((id, context));
                    self.len += 1;
                    return None;
                }
            }
        }
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<T> {
        let mut place = self.home(id);
        while self.places.get(place)?.as_ref()?.0 != id {
            place = self.next(place);
        }
        let removed = self.places.get_mut(place)?.take();
        self.len -= 1;
        self.close_gap(place);
        removed.map(|(_, context)| context)
    }

    /// Moves later entries of a run forward, so that no search ends at the gap too early.
    fn close_gap(&mut self, mut gap: usize) {
        let mut place = self.next(gap);
        while let Some(Some((id, _))) = self.places.get(place) {
            let home = self.home(*id);
            let from_home = place.wrapping_sub(home) & self.mask();
            let from_gap = place.wrapping_sub(gap) & self.mask();
            if from_home >= from_gap {
                self.places.swap(gap, place);
                gap = place;
            }
            place = self.next(place);
        }
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(16);
        let old = std::mem::take(&mut self.places);
        self.places.resize_with(places, || None);
        self.len = 0;
        for (id, context) in old.into_iter().flatten() {
            self.insert(id, context);
        }
    }

    const fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    const fn home(&self, id: u32) -> usize {
        id as usize & self.mask()
    }

    const fn next(&self, place: usize) -> usize {
        (place + 1) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::Contexts;

    #[test]
    fn ids_that_share_a_place_are_kept_apart() {
        let mut contexts = Contexts::new();
        for id in [1, 17, 33, 2] {
            assert_eq!(contexts.insert(id, id * 10), None);
        }
        assert_eq!(contexts.remove(17), Some(170));
        assert_eq!(contexts.get(33), Some(&330));
        assert_eq!(contexts.get(2), Some(&20));
        assert_eq!(contexts.get(17), None);
    }

    #[test]
    fn many_streams_come_and_go_beside_an_old_one() {
        let mut contexts = Contexts::new();
        contexts.insert(1, 1);
        for id in 2..10_000 {
            contexts.insert(id, id);
            assert_eq!(contexts.get(1), Some(&1));
            if id > 10 {
                assert_eq!(contexts.remove(id - 5), Some(id - 5));
            }
        }
        assert!(contexts.places.len() <= 32);
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let mut contexts = Contexts::<u32>::new();
        assert_eq!(contexts.get(0), None);
        assert_eq!(contexts.remove(7), None);
    }
}
