//! The locations that every organisation has from the start.

use uuid::Uuid;

use super::Directory;
use super::location::{Address, Location, Number, Site};

impl Directory {
    /// Gives a new organisation the locations that every one has; it is the one at this place, the first at 0.
    pub(super) fn settle(&mut self, organisation: Uuid, place: usize) {
        self.locations.insert(organisation, SITES.iter().map(|site| site.location(organisation, place)).collect());
    }
}

/// A location that every organisation has, under an id of its own.
#[derive(Debug)]
pub(crate) struct SeededSite {
    /// Of which an id is made.
    number: u128,
    name: &'static str,
    zone: &'static str,
    city: &'static str,
    postal_code: &'static str,
    country: &'static str,
    latitude: &'static str,
    longitude: &'static str,
    routing_prefix: &'static str,
    /// Where its numbers begin, and how many it has.
    first: usize,
    numbers: usize,
}

impl SeededSite {
    /// The id that it has in an organisation.
    pub(crate) fn id(&self, organisation: Uuid) -> Uuid {
        Uuid::from_u128(organisation.as_u128() ^ self.number)
    }

    /// Its telephone numbers (E.164) in the organisation at this place, the first one at 0. They are of the range that is kept for
    /// stories: 555-0100 to 555-0199.
    pub(super) fn numbers(&self, place: usize) -> impl Iterator<Item = String> + use<> {
        let area = if place == 0 { 408 } else { 500 + place % 400 };
        (self.first..self.first + self.numbers).map(move |line| format!("+1{area}5550{line}"))
    }

    fn location(&self, organisation: Uuid, place: usize) -> Location {
        let numbers: Vec<_> = self.numbers(place).map(|value| Number { value, active: true }).collect();
        let text = |text: &str| Some(text.to_owned());
        Location {
            id: self.id(organisation),
            name: self.name.to_owned(),
            zone: self.zone.to_owned(),
            address: Address {
                address1: text("1 Main Street"),
                city: text(self.city),
                postal_code: text(self.postal_code),
                country: text(self.country),
                ..Address::default()
            },
            latitude: text(self.latitude),
            longitude: text(self.longitude),
            notes: None,
            calling: Some(Site {
                announcement_language: "en_us".to_owned(),
                routing_prefix: text(self.routing_prefix),
                main: numbers.first().map(|number| number.value.clone()),
                numbers,
            }),
        }
    }
}

pub(crate) const SITES: [SeededSite; 3] = [
    SeededSite {
        number: 0x10c_0001,
        name: "Headquarters",
        zone: "America/Los_Angeles",
        city: "San Jose",
        postal_code: "95134",
        country: "US",
        latitude: "37.335480",
        longitude: "-121.893028",
        routing_prefix: "81",
        first: 100,
        numbers: 80,
    },
    // It has no numbers of its own: only extensions can be given there.
    SeededSite {
        number: 0x10c_0002,
        name: "Europe",
        zone: "Europe/Zurich",
        city: "Bern",
        postal_code: "3011",
        country: "CH",
        latitude: "46.947976",
        longitude: "7.447447",
        routing_prefix: "82",
        first: 180,
        numbers: 0,
    },
    SeededSite {
        number: 0x10c_0003,
        name: "Asia",
        zone: "Asia/Singapore",
        city: "Singapore",
        postal_code: "048581",
        country: "SG",
        latitude: "1.352083",
        longitude: "103.819836",
        routing_prefix: "83",
        first: 180,
        numbers: 20,
    },
];
