//! Locations, and the telephone numbers that they have.

use uuid::Uuid;

use super::{uuid_of, webex_id};

/// A site of an organisation; every organisation has the same ones, under ids of its own.
#[derive(Debug)]
pub(crate) struct Location {
    /// Of which an id is made.
    pub(crate) number: u128,
    pub(crate) name: &'static str,
    pub(crate) zone: &'static str,
    pub(crate) city: &'static str,
    pub(crate) postal_code: &'static str,
    pub(crate) country: &'static str,
    /// Texts, as the reference's example has them.
    pub(crate) latitude: &'static str,
    pub(crate) longitude: &'static str,
    /// Dialled before an extension of the location.
    pub(crate) routing_prefix: &'static str,
    /// How many numbers it has.
    numbers: usize,
}

impl Location {
    /// The id that it has in an organisation.
    pub(crate) fn id(&self, organisation: Uuid) -> String {
        webex_id("LOCATION", Uuid::from_u128(organisation.as_u128() ^ self.number))
    }

    /// Its telephone numbers (E.164) in the organisation that stands at this place, the first one at 0. They are of the range that
    /// is kept for stories: 555-0100 to 555-0199.
    pub(crate) fn numbers(&self, place: usize) -> impl Iterator<Item = String> {
        let area = if place == 0 { 408 } else { 500 + place % 400 };
        let first = if self.number == LOCATIONS[0].number { 100 } else { 180 };
        (first..first + self.numbers).map(move |line| format!("+1{area}5550{line}"))
    }
}

/// The location of an organisation that a Webex id names.
pub(crate) fn location_of(organisation: Uuid, id: &str) -> Option<&'static Location> {
    location(uuid_of("LOCATION", id)?.as_u128() ^ organisation.as_u128())
}

/// The location with this number.
pub(crate) fn location(number: u128) -> Option<&'static Location> {
    LOCATIONS.iter().find(|location| location.number == number)
}

pub(crate) const LOCATIONS: [Location; 3] = [
    Location {
        number: 0x10c_0001,
        name: "Headquarters",
        zone: "America/Los_Angeles",
        city: "San Jose",
        postal_code: "95134",
        country: "US",
        latitude: "37.335480",
        longitude: "-121.893028",
        routing_prefix: "81",
        numbers: 80,
    },
    // It has no numbers of its own: only extensions can be given there.
    Location {
        number: 0x10c_0002,
        name: "Europe",
        zone: "Europe/Zurich",
        city: "Bern",
        postal_code: "3011",
        country: "CH",
        latitude: "46.947976",
        longitude: "7.447447",
        routing_prefix: "82",
        numbers: 0,
    },
    Location {
        number: 0x10c_0003,
        name: "Asia",
        zone: "Asia/Singapore",
        city: "Singapore",
        postal_code: "048581",
        country: "SG",
        latitude: "1.352083",
        longitude: "103.819836",
        routing_prefix: "83",
        numbers: 20,
    },
];
