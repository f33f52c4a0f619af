//! Giving and taking licences.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use super::Directory;
use super::account::Account;
use super::licences::{Kind, Licence, LicenceSet};
use super::lines::{Assignment, LineError};

/// Why somebody does not get a licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum GrantError {
    #[error("No user was given to assign the license to.")]
    Nobody,
    #[error("No units of the license are left.")]
    Exhausted,
    #[error("Changing a license from Webex Calling Professional to Standard is not possible.")]
    Downgrade,
    #[error("{0}")]
    Line(#[from] LineError),
}

impl Directory {
    /// Gives somebody a licence, with a line where it is one for calling; again for one who has it changes nothing.
    pub(crate) fn give(&mut self, id: Uuid, wanted: &Assignment, now: Timestamp) -> Result<(), GrantError> {
        let before = self.account(id).ok_or(GrantError::Nobody)?;
        let mut account = Account::clone(before);
        if !account.licences.has(wanted.licence) {
            let units = self.units(account.organisation, wanted.licence);
            if units.consumed >= units.total {
                return Err(GrantError::Exhausted);
            }
        }
        if wanted.licence.is_calling() {
            let current = account.calling.as_ref().map(|calling| calling.licence);
            let downgrade = current.is_some_and(|current| current.kind() == Kind::CallingProfessional)
                && wanted.licence.kind() == Kind::CallingStandard;
            if downgrade {
                return Err(GrantError::Downgrade);
            }
            account.calling = Some(self.line(&account, wanted)?);
            // One licence for calling takes the place of another.
            if let Some(current) = current {
                account.licences.remove(current);
            }
        }
        account.licences.insert(wanted.licence);
        account.modified = now;
        self.add(account);
        Ok(())
    }

    /// Offers a licence to somebody of another organisation, or takes the offer back; all offers that are left.
    pub(crate) fn offer(&mut self, organisation: Uuid, id: Uuid, licence: Licence, offered: bool) -> LicenceSet {
        let pending = self.pending.entry((organisation, id)).or_default();
        if offered {
            pending.insert(licence);
        } else {
            pending.remove(licence);
        }
        *pending
    }

    /// Takes a licence away; with one for calling go number, extension and location.
    pub(crate) fn take(&mut self, id: Uuid, licence: Licence, now: Timestamp) {
        let Some(before) = self.account(id).filter(|account| account.licences.has(licence)) else { return };
        let mut account = Account::clone(before);
        account.licences.remove(licence);
        account.calling = account.calling.filter(|calling| calling.licence != licence);
        account.modified = now;
        self.add(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SITES;

    fn calling(directory: &Directory, licence: Licence, extension: &str) -> Assignment {
        let location = Some(SITES[1].id(directory.id));
        Assignment { licence, number: None, extension: Some(extension.to_owned()), location }
    }

    #[test]
    fn a_licence_comes_with_its_line_and_takes_it_along_when_it_goes() {
        let mut directory = Directory::from_seed(1, 30);
        let (id, now) = (directory.administrator().id, Timestamp::UNIX_EPOCH);
        let give = |directory: &mut Directory, licence, extension| {
            let wanted = calling(directory, licence, extension);
            directory.give(id, &wanted, now)
        };
        give(&mut directory, Licence::STANDARD, "700").unwrap();
        give(&mut directory, Licence::STANDARD, "700").unwrap();
        give(&mut directory, Licence::PROFESSIONAL, "701").unwrap();
        let account = directory.account(id).unwrap();
        assert!(account.licences.has(Licence::PROFESSIONAL) && !account.licences.has(Licence::STANDARD));
        assert_eq!(give(&mut directory, Licence::STANDARD, "702"), Err(GrantError::Downgrade));
        directory.take(id, Licence::PROFESSIONAL, now);
        let account = directory.account(id).unwrap();
        assert!(account.calling.is_none() && !account.licences.has(Licence::PROFESSIONAL));
        assert!(account.licences.has(Licence::UCM), "nothing else goes");
    }

    #[test]
    fn what_is_used_up_is_not_given() {
        let mut directory = Directory::from_seed(1, 30);
        let without = directory.listed().filter(|account| account.is_member() && account.calling.is_none());
        let people: Vec<_> = without.map(|account| account.id).collect();
        for (number, id) in people.iter().enumerate().take(6) {
            let wanted = calling(&directory, Licence::PROFESSIONAL_TOO, &format!("80{number}"));
            let given = directory.give(*id, &wanted, Timestamp::UNIX_EPOCH);
            assert_eq!(given, if number < 5 { Ok(()) } else { Err(GrantError::Exhausted) });
        }
    }
}
