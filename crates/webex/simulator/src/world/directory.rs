//! Who is there: the organisations, and every account in them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use lanyard_protocol::{OrgId, PersonType};
use lanyard_time::{Entropy, SeededEntropy};
use uuid::Uuid;

use super::account::Account;
use super::{names, organisation_id};
use crate::random;

/// An organisation and everyone in it. The same seed gives the same one.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    accounts: Vec<Arc<Account>>,
    by_id: HashMap<Uuid, usize>,
    by_email: HashMap<String, usize>,
    /// The organisations beside this one: small ones, for what crosses a border.
    others: Vec<Other>,
}

/// An organisation beside the first.
#[derive(Debug)]
pub(crate) struct Other {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    administrator: usize,
}

impl Directory {
    /// Makes up an organisation of `people` persons, the administrator among them, a bot and a service app's machine account.
    pub(crate) fn from_seed(seed: u64, people: usize) -> Self {
        let entropy = SeededEntropy::new(seed);
        let (name, domain) = names::organisation(&entropy);
        let mut organisation = Self {
            id: random::uuid(&entropy),
            name: name.to_owned(),
            created: a_day_of(2016, &entropy),
            accounts: Vec::with_capacity(people + 2),
            by_id: HashMap::new(),
            by_email: HashMap::new(),
            others: Vec::new(),
        };
        let mut taken = HashSet::new();
        for index in 0..people.max(1) {
            let (first, last) = names::person(&entropy);
            let local = if index == 0 {
                "admin".to_owned()
            } else {
                unique(&mut taken, &format!("{}.{}", names::ascii(first), names::ascii(last)))
            };
            organisation.add(Account {
                id: random::uuid(&entropy),
                organisation: organisation.id,
                kind: PersonType::Person,
                first_name: Some(first.to_owned()),
                last_name: Some(last.to_owned()),
                display_name: format!("{first} {last}"),
                email: format!("{local}@{domain}"),
                title: Some(names::title(index, &entropy).to_owned()),
                signs_in: true,
                administrator: index == 0,
                created: a_day_of(2021, &entropy),
            });
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
            let (id, administrator) = (random::uuid(&entropy), self.accounts.len());
            for index in 0..3 {
                let (first, last) = names::person(&entropy);
                let local = if index == 0 { "admin".to_owned() } else { format!("{}{index}", names::ascii(last)) };
                self.add(Account {
                    id: random::uuid(&entropy),
                    organisation: id,
                    kind: PersonType::Person,
                    first_name: Some(first.to_owned()),
                    last_name: Some(last.to_owned()),
                    display_name: format!("{first} {last}"),
                    email: format!("{local}@customer{number}.example"),
                    title: None,
                    signs_in: true,
                    administrator: index == 0,
                    created: a_day_of(2021, &entropy),
                });
            }
            self.others.push(Other { id, name: format!("{name} {number}"), administrator });
        }
        self
    }

    /// All organisations: their ids, names and administrators; this one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Uuid, &str, &Arc<Account>)> {
        let first = (self.id, self.name.as_str(), self.administrator());
        let others =
            self.others.iter().map(|other| (other.id, other.name.as_str(), &self.accounts[other.administrator]));
        std::iter::once(first).chain(others)
    }

    /// The name of an organisation.
    pub(crate) fn name_of(&self, organisation: Uuid) -> &str {
        self.all().find(|(id, ..)| *id == organisation).map_or(self.name.as_str(), |(_, name, _)| name)
    }

    /// Adds a service app's machine account in an organisation.
    pub(crate) fn add_machine(&mut self, id: Uuid, organisation: Uuid, name: &str, now: Timestamp) -> Uuid {
        let domain = self.domain_of(organisation);
        let email = format!("{id}@serviceapp.{domain}");
        self.add(Account::machine(id, organisation, PersonType::AppUser, name, email, now));
        id
    }

    fn domain_of(&self, organisation: Uuid) -> String {
        let administrator = self.all().find(|(id, ..)| *id == organisation).map(|(_, _, account)| account);
        let email = &administrator.unwrap_or_else(|| self.administrator()).email;
        email.split_once('@').map_or("example", |(_, domain)| domain).to_owned()
    }

    /// The address that a guest gets.
    pub(crate) fn guest_email(&self, id: Uuid, organisation: Uuid) -> String {
        format!("{id}@guest.{}", self.domain_of(organisation))
    }

    /// The accounts of the other organisations, each with its organisation.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        let others = self.accounts.iter().filter(|account| account.organisation != self.id);
        others.map(|account| (account.id, account.organisation))
    }

    /// Everybody of an organisation, machines and guests included.
    pub(crate) fn everyone_in(&self, organisation: Uuid) -> Vec<Uuid> {
        self.accounts.iter().filter(|account| account.organisation == organisation).map(|account| account.id).collect()
    }

    /// How many guests an organisation has.
    pub(crate) fn guests_of(&self, organisation: Uuid) -> usize {
        let is_guest = |account: &Account| account.kind == PersonType::Person && !account.signs_in;
        self.accounts.iter().filter(|account| account.organisation == organisation && is_guest(account)).count()
    }

    /// Adds an account, or puts it in place of the one with its id. An address that is taken gets its new owner.
    pub(crate) fn add(&mut self, account: Account) {
        if let Some(&index) = self.by_id.get(&account.id) {
            self.accounts[index] = Arc::new(account);
            return;
        }
        let index = self.accounts.len();
        self.by_id.insert(account.id, index);
        self.by_email.insert(account.email.clone(), index);
        self.accounts.push(Arc::new(account));
    }

    /// The id as Webex writes it.
    pub(crate) fn webex_id(&self) -> OrgId {
        organisation_id(self.id)
    }

    /// The first person is the full administrator.
    pub(crate) fn administrator(&self) -> &Arc<Account> {
        &self.accounts[0]
    }

    pub(crate) fn account(&self, id: Uuid) -> Option<&Arc<Account>> {
        self.by_id.get(&id).map(|&index| &self.accounts[index])
    }

    /// Addresses compare without regard to case.
    pub(crate) fn by_email(&self, email: &str) -> Option<&Arc<Account>> {
        let index = self.by_email.get(&email.trim().to_ascii_lowercase())?;
        Some(&self.accounts[*index])
    }

    /// The first account of this kind, if there is one.
    pub(crate) fn first_of(&self, kind: &PersonType) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| &account.kind == kind)
    }

    /// Everyone whom a list of the first organisation's people shows: persons and bots, in a fixed order.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.listed_in(self.id)
    }

    /// The same for any organisation.
    pub(crate) fn listed_in(&self, organisation: Uuid) -> impl Iterator<Item = &Arc<Account>> {
        let shown = |account: &Account| account.signs_in || account.kind == PersonType::Bot;
        self.accounts.iter().filter(move |account| account.organisation == organisation && shown(account))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(organisation: &Directory) -> Vec<(Uuid, String, String)> {
        let mut faces: Vec<_> = organisation
            .listed()
            .map(|account| (account.id, account.email.clone(), account.display_name.clone()))
            .collect();
        faces.push((organisation.id, String::new(), organisation.name.clone()));
        faces
    }

    #[test]
    fn a_seed_decides_everyone() {
        assert_eq!(faces(&Directory::from_seed(7, 40)), faces(&Directory::from_seed(7, 40)));
        assert_ne!(faces(&Directory::from_seed(7, 40)), faces(&Directory::from_seed(8, 40)));
    }

    #[test]
    fn no_two_share_an_address_and_every_address_is_plain() {
        let organisation = Directory::from_seed(3, 3_000);
        let emails: HashSet<_> = organisation.accounts.iter().map(|account| &account.email).collect();
        assert_eq!(emails.len(), 3_002);
        for email in emails {
            assert!(
                email.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'@' | b'-')),
                "{email}"
            );
        }
    }

    #[test]
    fn an_address_is_found_in_any_case() {
        let organisation = Directory::from_seed(1, 2);
        let admin = organisation.administrator();
        assert!(admin.email.starts_with("admin@"));
        assert_eq!(organisation.by_email(&admin.email.to_uppercase()).map(|found| found.id), Some(admin.id));
    }
}
