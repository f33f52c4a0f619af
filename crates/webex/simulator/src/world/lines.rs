//! Webex Calling: who has which telephone number and extension.

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::Directory;
use super::account::{Account, Calling};
use super::licences::Licence;
use super::location::Location;

/// A number or an extension of an organisation, and whose it is.
#[derive(Debug)]
pub(crate) struct Line<'d> {
    pub(crate) number: Option<&'d str>,
    /// Whether the number is in service.
    pub(crate) active: bool,
    pub(crate) extension: Option<&'d str>,
    pub(crate) location: &'d Location,
    /// Whether it is the location's own number.
    pub(crate) main: bool,
    pub(crate) owner: Option<&'d Arc<Account>>,
}

/// A licence for Webex Calling to give to a person, with its number, extension and location.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) licence: Licence,
    pub(crate) number: Option<String>,
    pub(crate) extension: Option<String>,
    pub(crate) location: Option<Uuid>,
}

/// Why somebody does not get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    #[error("A Webex Calling license needs a phone number or an extension.")]
    Missing,
    #[error("A location is required when there is no phone number.")]
    NoLocation,
    #[error("The phone number is not one of the location's.")]
    UnknownNumber,
    #[error("The phone number is already assigned.")]
    NumberTaken,
    #[error("The extension is already assigned at this location.")]
    ExtensionTaken,
    #[error("An extension has 2 to 10 digits.")]
    Extension,
    #[error("The location of a Webex Calling user cannot be changed.")]
    OtherLocation,
    #[error("The location is not enabled for Webex Calling.")]
    NotCalling,
}

impl Directory {
    /// The line that a person would get. What is not said stays as the person has it.
    pub(crate) fn line(&self, account: &Account, wanted: &Assignment) -> Result<Calling, LineError> {
        let has = account.calling.as_ref();
        if has.is_none() && wanted.number.is_none() && wanted.extension.is_none() {
            return Err(LineError::Missing);
        }
        let found = wanted.number.as_deref().map(|number| self.number(account.organisation, number)).transpose()?;
        let (numbers_home, number) = found.unzip();
        if let (Some(home), Some(asked)) = (numbers_home, wanted.location)
            && home != asked
        {
            return Err(LineError::UnknownNumber);
        }
        let place = numbers_home.or(wanted.location).or(has.map(|calling| calling.location));
        let place = place.ok_or(LineError::NoLocation)?;
        if self.location(account.organisation, place).is_none_or(|location| location.calling.is_none()) {
            return Err(LineError::NotCalling);
        }
        if has.is_some_and(|calling| calling.location != place) {
            return Err(LineError::OtherLocation);
        }
        let free = |owner: Option<&Uuid>| owner.is_none_or(|owner| *owner == account.id);
        if let Some(number) = &number
            && !free(self.numbers.get(number))
        {
            return Err(LineError::NumberTaken);
        }
        if let Some(extension) = &wanted.extension {
            if !(2..=10).contains(&extension.len()) || !extension.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(LineError::Extension);
            }
            if !free(self.extensions.get(&(account.organisation, place, extension.clone()))) {
                return Err(LineError::ExtensionTaken);
            }
        }
        Ok(Calling {
            licence: wanted.licence,
            location: place,
            number: number.or_else(|| has?.number.clone()),
            extension: wanted.extension.clone().or_else(|| has?.extension.clone()),
        })
    }

    /// A number of the organisation, however it is written, and the location that has it.
    fn number(&self, organisation: Uuid, text: &str) -> Result<(Uuid, String), LineError> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let same = |number: &str| {
            let international = number.trim_start_matches('+');
            international == digits || international.strip_prefix('1') == Some(&digits)
        };
        let mut lines = self.lines(organisation).filter_map(|line| Some((line.location.id, line.number?)));
        let found = lines.find(|(_, number)| same(number));
        found.map(|(location, number)| (location, number.to_owned())).ok_or(LineError::UnknownNumber)
    }

    /// Every number of an organisation, then the extensions that have none.
    pub(crate) fn lines(&self, organisation: Uuid) -> impl Iterator<Item = Line<'_>> {
        let sites = self.locations(organisation).filter_map(|location| Some((location, location.calling.as_ref()?)));
        let numbers = sites.flat_map(move |(location, site)| {
            site.numbers.iter().map(move |number| {
                let owner = self.numbers.get(&number.value).and_then(|id| self.account(*id));
                let calling = owner.and_then(|owner| owner.calling.as_ref());
                let extension = calling.and_then(|calling| calling.extension.as_deref());
                let main = site.main.as_ref() == Some(&number.value);
                Line { number: Some(&*number.value), active: number.active, extension, location, main, owner }
            })
        });
        let from = (organisation, Uuid::nil(), String::new());
        let extensions = self.extensions.range(from..).take_while(move |((home, ..), _)| *home == organisation);
        let alone = extensions.filter_map(move |((_, place, extension), owner)| {
            let owner = self.account(*owner)?;
            let calling = owner.calling.as_ref().filter(|calling| calling.number.is_none())?;
            let location = self.location(organisation, *place).filter(|location| location.id == calling.location)?;
            Some(Line {
                number: None,
                active: false,
                extension: Some(extension),
                location,
                main: false,
                owner: Some(owner),
            })
        });
        numbers.chain(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SITES;

    fn wanted(
        directory: &Directory,
        number: Option<&str>,
        extension: Option<&str>,
        location: Option<usize>,
    ) -> Assignment {
        Assignment {
            licence: Licence::PROFESSIONAL,
            number: number.map(str::to_owned),
            extension: extension.map(str::to_owned),
            location: location.map(|index| SITES[index].id(directory.id)),
        }
    }

    #[test]
    fn a_line_is_given_by_its_rules() {
        let directory = Directory::from_seed(1, 40);
        let nobody = directory.administrator();
        let ask =
            |number, extension, location| directory.line(nobody, &wanted(&directory, number, extension, location));
        let good = ask(Some("(408) 555-0170"), Some("7000"), None).unwrap();
        assert_eq!((good.number.as_deref(), good.location), (Some("+14085550170"), SITES[0].id(directory.id)));
        assert_eq!(ask(Some("14085550170"), None, Some(0)).unwrap().number, good.number);
        assert!(ask(None, Some("7000"), Some(1)).is_ok());
        for (number, extension, location, error) in [
            (None, None, Some(0), LineError::Missing),
            (None, Some("7000"), None, LineError::NoLocation),
            (Some("+15550000000"), None, None, LineError::UnknownNumber),
            (Some(""), None, None, LineError::UnknownNumber),
            (Some("+14085550170"), None, Some(1), LineError::UnknownNumber),
            (Some("+14085550101"), None, None, LineError::NumberTaken),
            (None, Some("1000"), Some(0), LineError::ExtensionTaken),
            (None, Some("7"), Some(0), LineError::Extension),
        ] {
            assert_eq!(ask(number, extension, location), Err(error), "{number:?} {extension:?}");
        }
    }

    #[test]
    fn whoever_has_a_line_keeps_it_where_it_is() {
        let directory = Directory::from_seed(1, 40);
        let caller = directory.listed().find(|account| account.calling.is_some()).unwrap();
        let has = caller.calling.clone().unwrap();
        assert_eq!(directory.line(caller, &wanted(&directory, None, None, Some(0))), Ok(has.clone()));
        assert_eq!(directory.line(caller, &wanted(&directory, has.number.as_deref(), None, None)), Ok(has));
        assert_eq!(
            directory.line(caller, &wanted(&directory, None, Some("7000"), Some(2))),
            Err(LineError::OtherLocation)
        );
    }

    #[test]
    fn each_number_is_listed_once_and_no_two_organisations_share_one() {
        let directory = Directory::from_seed(1, 300).with_others(1, 3);
        let mut all = Vec::new();
        for (organisation, ..) in directory.all() {
            all.extend(directory.lines(organisation).filter_map(|line| line.number.map(str::to_owned)));
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((count, all.len()), (400, 400));
        let owners = directory.lines(directory.id).filter(|line| line.owner.is_some()).count();
        let callers = directory.listed().filter(|account| account.calling.is_some()).count();
        assert_eq!(owners, callers);
    }
}
