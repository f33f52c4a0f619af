//! The happenings in messaging, as compliance officers read them.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A thing that was created, updated or deleted.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    pub(crate) id: Uuid,
    /// Webex's words.
    pub(crate) resource: &'static str,
    pub(crate) deed: &'static str,
    pub(crate) actor: Uuid,
    /// The actor's organisation.
    pub(crate) organisation: Uuid,
    pub(crate) created: Timestamp,
    /// The thing as REST showed it.
    pub(crate) data: Value,
}

/// The latest happenings of all organisations, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Happenings(VecDeque<Happening>);

/// The most happenings that are kept.
const MOST: usize = 10_000;

impl Happenings {
    /// Adds one; the oldest is forgotten if there are too many.
    pub(crate) fn add(&mut self, happening: Happening) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(happening);
    }

    /// Those of an organisation, the latest first.
    pub(crate) fn of(&self, organisation: Uuid) -> impl Iterator<Item = &Happening> {
        self.0.iter().rev().filter(move |happening| happening.organisation == organisation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut happenings = Happenings::default();
        let organisation = Uuid::from_u128(1);
        for number in 0..u128::try_from(MOST).unwrap() + 2 {
            happenings.add(Happening {
                id: Uuid::from_u128(number),
                resource: "rooms",
                deed: "created",
                actor: Uuid::nil(),
                organisation,
                created: Timestamp::UNIX_EPOCH,
                data: Value::Null,
            });
        }
        let ids: Vec<_> = happenings.of(organisation).map(|happening| happening.id.as_u128()).collect();
        assert_eq!((ids.len(), ids[0], ids[MOST - 1]), (MOST, 10_001, 2));
        assert_eq!(happenings.of(Uuid::nil()).count(), 0);
    }
}
