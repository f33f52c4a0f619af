//! The directory: the organisations, and all accounts in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use lanyard_protocol::{OrgId, PersonType};
use uuid::Uuid;

use super::account::Account;
use super::licences::{Licence, LicenceSet, Stock, Units};
use super::location::Location;
use super::shelf::Shelf;
use super::{CONSUMERS, organisation_id};

/// The organisations and everyone in them. The same seed gives the same ones.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The first organisation.
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    accounts: Shelf<Arc<Account>>,
    by_email: HashMap<String, Uuid>,
    /// The first organisation, then small ones, for what crosses a border.
    heads: Vec<Head>,
    pub(super) stock: Stock,
    /// Telephone numbers that somebody has.
    pub(super) numbers: HashMap<String, Uuid>,
    /// Extensions that somebody has, by organisation and location.
    pub(super) extensions: BTreeMap<(Uuid, Uuid, String), Uuid>,
    /// Licences that an organisation offers to those of another, who have not accepted them.
    pub(super) pending: HashMap<(Uuid, Uuid), LicenceSet>,
    /// The locations of each organisation.
    pub(super) locations: HashMap<Uuid, Vec<Location>>,
}

/// An organisation.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// As last seen, should somebody delete the account.
    pub(crate) administrator: Arc<Account>,
}

impl Directory {
    /// An organisation, and in it its administrator.
    pub(super) fn new(name: &str, created: Timestamp, administrator: Account) -> Self {
        let id = administrator.organisation;
        let mut directory = Self {
            id,
            name: name.to_owned(),
            created,
            accounts: Shelf::default(),
            by_email: HashMap::new(),
            heads: Vec::new(),
            stock: Stock::default(),
            numbers: HashMap::new(),
            extensions: BTreeMap::new(),
            locations: HashMap::new(),
            pending: HashMap::new(),
        };
        directory.found(name.to_owned(), administrator);
        directory
    }

    /// Adds an organisation with its administrator.
    pub(super) fn found(&mut self, name: String, administrator: Account) {
        let (organisation, id) = (administrator.organisation, administrator.id);
        self.settle(organisation, self.heads.len());
        self.add(administrator);
        if let Some(administrator) = self.accounts.get(id) {
            self.heads.push(Head { id: organisation, name, administrator: Arc::clone(administrator) });
        }
    }

    /// All organisations: their ids, names and administrators; the first one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Uuid, &str, &Arc<Account>)> {
        self.heads.iter().map(|head| (head.id, head.name.as_str(), &head.administrator))
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

    /// Adds somebody without an account, whom a person of an organisation has invited by address.
    pub(crate) fn add_outsider(&mut self, id: Uuid, email: &str, now: Timestamp) {
        let account = Account::machine(id, CONSUMERS, PersonType::Person, email, email.to_owned(), now);
        self.add(Account { invited: true, ..account });
    }

    pub(super) fn domain_of(&self, organisation: Uuid) -> String {
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
        self.accounts.iter().filter(|account| account.organisation == organisation && account.guest).count()
    }

    /// Adds an account, or puts it in place of the one with its id. An address that is taken gets its new owner.
    pub(crate) fn add(&mut self, account: Account) {
        let before = self.accounts.get(account.id).cloned();
        let licences = before.as_ref().map(|before| before.licences).unwrap_or_default();
        if let Some(before) = &before {
            self.forget(before);
        }
        self.stock.changed(account.organisation, licences, account.licences);
        self.by_email.insert(account.email.clone(), account.id);
        if let Some(calling) = &account.calling {
            if let Some(number) = &calling.number {
                self.numbers.insert(number.clone(), account.id);
            }
            if let Some(extension) = &calling.extension {
                let key = (account.organisation, calling.location, extension.clone());
                self.extensions.insert(key, account.id);
            }
        }
        let account = Arc::new(account);
        if let Some(head) = self.heads.iter_mut().find(|head| head.administrator.id == account.id) {
            head.administrator = Arc::clone(&account);
        }
        match self.accounts.get_mut(account.id) {
            Some(place) => *place = account,
            None => self.accounts.put(account.id, account),
        }
    }

    /// Takes an account away.
    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<Account>> {
        let account = self.accounts.take(id)?;
        self.forget(&account);
        self.stock.changed(account.organisation, account.licences, LicenceSet::default());
        Some(account)
    }

    /// Takes an account out of what finds it.
    fn forget(&mut self, account: &Account) {
        if self.by_email.get(&account.email) == Some(&account.id) {
            self.by_email.remove(&account.email);
        }
        if let Some(calling) = &account.calling {
            if let Some(number) = &calling.number {
                self.numbers.remove(number);
            }
            if let Some(extension) = &calling.extension {
                self.extensions.remove(&(account.organisation, calling.location, extension.clone()));
            }
        }
    }

    /// Writes down that an invited person has come.
    pub(crate) fn joined(&mut self, id: Uuid) {
        if let Some(account) = self.accounts.get(id).filter(|account| account.invited) {
            let account = Account { invited: false, ..(**account).clone() };
            self.add(account);
        }
    }

    /// How much of a licence an organisation has.
    pub(crate) fn units(&self, organisation: Uuid, licence: Licence) -> Units {
        self.stock.units(organisation, licence)
    }

    /// The id as Webex writes it.
    pub(crate) fn webex_id(&self) -> OrgId {
        organisation_id(self.id)
    }

    /// The first person is the full administrator.
    pub(crate) fn administrator(&self) -> &Arc<Account> {
        &self.heads[0].administrator
    }

    pub(crate) fn account(&self, id: Uuid) -> Option<&Arc<Account>> {
        self.accounts.get(id)
    }

    /// Addresses compare without regard to case.
    pub(crate) fn by_email(&self, email: &str) -> Option<&Arc<Account>> {
        self.accounts.get(*self.by_email.get(&email.trim().to_ascii_lowercase())?)
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

    /// The accounts in a list of an organisation's people: persons and bots, in a fixed order.
    pub(crate) fn listed_in(&self, organisation: Uuid) -> impl Iterator<Item = &Arc<Account>> {
        let shown = |account: &Account| account.is_member() || account.kind == PersonType::Bot;
        self.accounts.iter().filter(move |account| account.organisation == organisation && shown(account))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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

    #[test]
    fn one_who_is_removed_leaves_the_address_the_number_and_the_units_to_others() {
        let mut organisation = Directory::from_seed(1, 40);
        let caller = organisation.listed().find(|account| account.calling.is_some()).unwrap().clone();
        let number = caller.calling.clone().unwrap().number.unwrap();
        let consumed = |organisation: &Directory| organisation.units(organisation.id, Licence::PROFESSIONAL).consumed;
        assert_eq!(organisation.numbers.get(&number), Some(&caller.id));
        assert_eq!(consumed(&organisation), 10);
        let before = organisation.listed().count();
        organisation.remove(caller.id);
        assert_eq!((organisation.listed().count(), consumed(&organisation)), (before - 1, 9));
        assert!(organisation.by_email(&caller.email).is_none() && !organisation.numbers.contains_key(&number));
        assert!(organisation.remove(caller.id).is_none());
    }

    #[test]
    fn what_is_consumed_is_what_people_have() {
        let mut organisation = Directory::from_seed(1, 100).with_others(1, 2);
        let someone = organisation.listed().nth(7).unwrap().clone();
        organisation.add(Account { licences: LicenceSet::default(), calling: None, ..(*someone).clone() });
        for (organisation_id, ..) in organisation.all() {
            for licence in Licence::all() {
                let held = organisation.listed_in(organisation_id).filter(|account| account.licences.has(licence));
                assert_eq!(organisation.units(organisation_id, licence).consumed, held.count());
            }
        }
    }
}
