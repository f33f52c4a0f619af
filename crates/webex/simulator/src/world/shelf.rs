//! Things in the order in which they were put there, found by their id.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// An ordered collection; taking one out leaves the order of the others. Every call but walking costs about the same however
/// many there are.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    things: BTreeMap<u64, T>,
    places: HashMap<Uuid, u64>,
    next: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), places: HashMap::new(), next: 0 }
    }
}

impl<T> Shelf<T> {
    /// Puts one at the end. An id is put there once.
    pub(crate) fn put(&mut self, id: Uuid, thing: T) {
        self.things.insert(self.next, thing);
        self.places.insert(id, self.next);
        self.next += 1;
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&T> {
        self.things.get(self.places.get(&id)?)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut T> {
        self.things.get_mut(self.places.get(&id)?)
    }

    pub(crate) fn take(&mut self, id: Uuid) -> Option<T> {
        self.things.remove(&self.places.remove(&id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_gone_and_the_others_stay_in_order() {
        let mut shelf = Shelf::default();
        for number in 0..5u128 {
            shelf.put(Uuid::from_u128(number), number);
        }
        assert_eq!(shelf.take(Uuid::from_u128(2)), Some(2));
        assert_eq!(shelf.take(Uuid::from_u128(2)), None);
        shelf.put(Uuid::from_u128(9), 9);
        assert_eq!(shelf.iter().copied().collect::<Vec<_>>(), [0, 1, 3, 4, 9]);
        assert_eq!(shelf.get(Uuid::from_u128(3)), Some(&3));
    }
}
