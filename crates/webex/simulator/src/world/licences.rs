//! Licences: what an organisation has bought, and who has it.

use std::collections::HashMap;

use uuid::Uuid;

use lanyard_protocol::WebexId;

/// A licence on sale. Two subscriptions may sell a licence under one name, so that only the id tells them apart.
struct Offer {
    name: &'static str,
    /// Stands before the UUID in the id.
    code: &'static str,
    /// Of which the UUID in the id is made.
    number: u128,
    subscription: &'static str,
    kind: Kind,
}

/// The kind of a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CallingProfessional,
    CallingStandard,
    Other,
}

const OFFERS: [Offer; 6] = [
    offer("Webex Calling - Professional", "BCPRO", 0x1ce_0001, MAIN, Kind::CallingProfessional),
    offer("Webex Calling - Standard", "BCSTD", 0x1ce_0002, MAIN, Kind::CallingStandard),
    offer("Unified Communication Manager (UCM)", "UCPREM", 0x1ce_0003, MAIN, Kind::Other),
    // The name that live tests look for [C: webexpythonsdk].
    offer("Advanced Messaging", "MS", 0x1ce_0004, MAIN, Kind::Other),
    offer("Meeting - Webex Meeting Center", "MC", 0x1ce_0005, MAIN, Kind::Other),
    offer("Webex Calling - Professional", "BCPRO", 0x1ce_0006, "Sub-2", Kind::CallingProfessional),
];

const MAIN: &str = "Sub-1";

const fn offer(name: &'static str, code: &'static str, number: u128, subscription: &'static str, kind: Kind) -> Offer {
    Offer { name, code, number, subscription, kind }
}

/// One of the licences that every organisation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Licence(u8);

impl Licence {
    pub(crate) const PROFESSIONAL: Self = Self(0);
    pub(crate) const STANDARD: Self = Self(1);
    pub(crate) const UCM: Self = Self(2);
    pub(crate) const MESSAGING: Self = Self(3);
    pub(crate) const MEETINGS: Self = Self(4);
    /// Of a second, small subscription.
    pub(crate) const PROFESSIONAL_TOO: Self = Self(5);

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..OFFERS.len()).filter_map(|index| u8::try_from(index).ok()).map(Self)
    }

    fn offer(self) -> &'static Offer {
        &OFFERS[usize::from(self.0)]
    }

    pub(crate) fn name(self) -> &'static str {
        self.offer().name
    }

    pub(crate) fn subscription(self) -> &'static str {
        self.offer().subscription
    }

    pub(crate) fn kind(self) -> Kind {
        self.offer().kind
    }

    pub(crate) fn is_calling(self) -> bool {
        self.kind() != Kind::Other
    }

    /// The id that it has in an organisation: `…/LICENSE/<organisation>:<code>_<uuid>` in captures of live replies [L], and in one
    /// example of the reference; its other examples hold a UUID alone.
    pub(crate) fn id(self, organisation: Uuid) -> String {
        let Offer { code, number, .. } = self.offer();
        let own = Uuid::from_u128(organisation.as_u128() ^ number);
        let value = format!("{organisation}:{code}_{own}");
        WebexId { cluster: "us".into(), kind: "LICENSE".into(), value }.encode()
    }

    /// The licence of an organisation that a Webex id names.
    pub(crate) fn of(organisation: Uuid, id: &str) -> Option<Self> {
        let id = WebexId::decode(id).ok()?.encode();
        Self::all().find(|licence| licence.id(organisation) == id)
    }
}

/// Some of the licences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LicenceSet(u8);

impl LicenceSet {
    pub(crate) fn has(self, licence: Licence) -> bool {
        self.0 & (1 << licence.0) != 0
    }

    pub(crate) fn insert(&mut self, licence: Licence) {
        self.0 |= 1 << licence.0;
    }

    pub(crate) fn remove(&mut self, licence: Licence) {
        self.0 &= !(1 << licence.0);
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Licence> {
        Licence::all().filter(move |licence| self.has(*licence))
    }
}

impl FromIterator<Licence> for LicenceSet {
    fn from_iter<I: IntoIterator<Item = Licence>>(licences: I) -> Self {
        let mut set = Self::default();
        licences.into_iter().for_each(|licence| set.insert(licence));
        set
    }
}

/// How much of each licence every organisation has, and how much of it is taken.
#[derive(Debug, Default)]
pub(super) struct Stock(HashMap<(Uuid, u8), Units>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    pub(crate) total: usize,
    pub(crate) consumed: usize,
}

impl Stock {
    /// Sells an organisation so many of each; of the second subscription it gets few.
    pub(super) fn buy(&mut self, organisation: Uuid, units: usize) {
        for licence in Licence::all() {
            let total = if licence == Licence::PROFESSIONAL_TOO { FEW } else { units };
            self.0.entry((organisation, licence.0)).or_default().total = total;
        }
    }

    pub(super) fn units(&self, organisation: Uuid, licence: Licence) -> Units {
        self.0.get(&(organisation, licence.0)).copied().unwrap_or_default()
    }

    /// Keeps the count when somebody's licences change.
    pub(super) fn changed(&mut self, organisation: Uuid, before: LicenceSet, after: LicenceSet) {
        for licence in Licence::all().filter(|licence| before.has(*licence) != after.has(*licence)) {
            let units = self.0.entry((organisation, licence.0)).or_default();
            units.consumed = if after.has(licence) { units.consumed + 1 } else { units.consumed.saturating_sub(1) };
        }
    }
}

/// How many units the second subscription has.
const FEW: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_known_by_its_id_in_its_organisation_alone() {
        let (here, there) = (Uuid::from_u128(1 << 90), Uuid::from_u128(2 << 90));
        for licence in Licence::all() {
            assert_eq!(Licence::of(here, &licence.id(here)), Some(licence));
            assert_eq!(Licence::of(there, &licence.id(here)), None);
        }
        assert_eq!(Licence::of(here, "nonsense"), None);
    }

    #[test]
    fn consumption_follows_every_change() {
        let mut stock = Stock::default();
        let org = Uuid::from_u128(1);
        stock.buy(org, 10);
        let some: LicenceSet = [Licence::UCM, Licence::MESSAGING].into_iter().collect();
        let other: LicenceSet = [Licence::MESSAGING, Licence::STANDARD].into_iter().collect();
        stock.changed(org, LicenceSet::default(), some);
        stock.changed(org, some, other);
        let consumed = |licence| stock.units(org, licence).consumed;
        assert_eq!([Licence::UCM, Licence::MESSAGING, Licence::STANDARD].map(consumed), [0, 1, 1]);
        assert_eq!(stock.units(org, Licence::PROFESSIONAL_TOO), Units { total: FEW, consumed: 0 });
    }
}
