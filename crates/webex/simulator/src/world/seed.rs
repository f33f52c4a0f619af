//! People made up from a seed.

use std::collections::HashSet;

use jiff::{Timestamp, ToSpan};
use lanyard_protocol::PersonType;
use lanyard_time::{Entropy, SeededEntropy};
use uuid::Uuid;

use super::account::{Account, Calling, Phone, Profile};
use super::licences::{Licence, LicenceSet};
use super::sites::SITES;
use super::{Directory, names};
use crate::random;

impl Directory {
    /// Makes up an organisation of `people` persons, the administrator among them, a bot and a service app's machine account.
    pub(crate) fn from_seed(seed: u64, people: usize) -> Self {
        let entropy = SeededEntropy::new(seed);
        let (name, domain) = names::organisation(&entropy);
        let id = random::uuid(&entropy);
        let created = a_day_of(2016, &entropy);
        let mut taken = HashSet::new();
        let mut administrator = person(&entropy, id, 0, domain, &mut taken);
        administrator.administrator = true;
        let mut organisation = Self::new(name, created, administrator);
        organisation.stock.buy(id, people.max(1) + 10);
        for index in 1..people.max(1) {
            organisation.add(person(&entropy, id, index, domain, &mut taken));
        }
        organisation.add(Account::machine(
            random::uuid(&entropy),
            organisation.id,
            PersonType::Bot,
            "Lobby Bot",
            format!("lobby-{}@webex.bot", domain.trim_end_matches(".example")),
            a_day_of(2023, &entropy),
        ));
        let machine = random::uuid(&entropy);
        organisation.add(Account::machine(
            machine,
            organisation.id,
            PersonType::AppUser,
            "Fleet Service App",
            format!("{machine}@serviceapp.{domain}"),
            a_day_of(2023, &entropy),
        ));
        organisation
    }

    /// Adds small organisations: each an administrator and two others. The first organisation stays as it is.
    pub(crate) fn with_others(mut self, seed: u64, count: usize) -> Self {
        // A sequence of their own, so that they depend on nothing in the first.
        let entropy = SeededEntropy::new(seed.rotate_left(32) ^ 0x6f72_6773);
        for number in 1..=count {
            let (name, _) = names::organisation(&entropy);
            let id = random::uuid(&entropy);
            for index in 0..PEOPLE_OF_A_CUSTOMER {
                let (first, last) = names::person(&entropy);
                let local = if index == 0 { "admin".to_owned() } else { format!("{}{index}", names::ascii(last)) };
                let email = format!("{local}@customer{number}.example");
                let mut account =
                    Account::person(random::uuid(&entropy), id, (first, last), email, a_day_of(2021, &entropy));
                account.licences = licences(id, index).0;
                if index == 0 {
                    account.administrator = true;
                    self.found(format!("{name} {number}"), account);
                    self.stock.buy(id, PEOPLE_OF_A_CUSTOMER + 10);
                } else {
                    self.add(account);
                }
            }
        }
        self
    }
}

const PEOPLE_OF_A_CUSTOMER: usize = 3;

fn person(
    entropy: &dyn Entropy,
    organisation: Uuid,
    index: usize,
    domain: &str,
    taken: &mut HashSet<String>,
) -> Account {
    let (first, last) = names::person(entropy);
    let local = if index == 0 {
        "admin".to_owned()
    } else {
        unique(taken, &format!("{}.{}", names::ascii(first), names::ascii(last)))
    };
    let id = random::uuid(entropy);
    let title = Some(names::title(index, entropy).to_owned());
    let (licences, calling) = licences(organisation, index);
    Account {
        profile: Profile { title, ..Profile::default() },
        phones: if calling.is_some() { Vec::new() } else { vec![work_number(index)] },
        licences,
        calling,
        ..Account::person(id, organisation, (first, last), format!("{local}@{domain}"), a_day_of(2021, entropy))
    }
}

/// The licences of the person at this place: everyone has messaging, some have meetings and some have calling. The first callers have a
/// number at the headquarters, the others only an extension.
fn licences(organisation: Uuid, index: usize) -> (LicenceSet, Option<Calling>) {
    let mut set: LicenceSet = [Licence::MESSAGING].into_iter().collect();
    if index.is_multiple_of(3) {
        set.insert(Licence::MEETINGS);
    }
    if index.is_multiple_of(2) {
        set.insert(Licence::UCM);
    }
    let caller = index / 4;
    let [headquarters, europe, _] = &SITES;
    let calling = match (index % 4, index % 20) {
        (3, _) if caller < CALLERS_WITH_A_NUMBER => Calling {
            licence: Licence::PROFESSIONAL,
            location: headquarters.id(organisation),
            number: headquarters.numbers(0).nth(caller + 1),
            extension: Some(format!("{}", 1000 + caller)),
        },
        (3, _) => Calling {
            licence: Licence::PROFESSIONAL,
            location: europe.id(organisation),
            number: None,
            extension: Some(format!("{}", 1000 + caller)),
        },
        (_, 5) => Calling {
            licence: Licence::STANDARD,
            location: headquarters.id(organisation),
            number: None,
            extension: Some(format!("{}", 50_000 + index / 20)),
        },
        _ => return (set, None),
    };
    set.insert(calling.licence);
    (set, Some(calling))
}

/// The number that the directory has of somebody without Webex Calling: one of the headquarters' that no caller has, so that Webex
/// Calling can give the person the same; after those, a number that belongs to no location.
fn work_number(index: usize) -> Phone {
    let ordinal = index - (index + 1) / 4;
    let free = SITES[0].numbers(0).nth(1 + CALLERS_WITH_A_NUMBER + ordinal);
    let value = free.unwrap_or_else(|| format!("+1408556{:04}", index % 10_000));
    Phone { kind: "work".to_owned(), value, primary: None }
}

const CALLERS_WITH_A_NUMBER: usize = 50;

/// Appends a number to a name that is taken.
fn unique(taken: &mut HashSet<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name}{number}");
    }
    candidate
}

/// A working morning of that year.
fn a_day_of(year: i16, entropy: &dyn Entropy) -> Timestamp {
    let day = i64::try_from(random::below(entropy, 360)).unwrap_or(0);
    let minute = i64::try_from(random::below(entropy, 240)).unwrap_or(0);
    jiff::civil::date(year, 1, 4)
        .at(8, 0, 0, 0)
        .saturating_add(day.days().minutes(minute))
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}
