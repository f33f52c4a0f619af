//! The locations of an organisation, and what changes their numbers.

use thiserror::Error;
use uuid::Uuid;

use super::location::{Location, Number, Site};
use super::{Directory, uuid_of};

/// Why a location's numbers do not change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum NumberError {
    #[error("The location is not enabled for Webex Calling.")]
    NotCalling,
    #[error("{0} is not a phone number in E.164 format.")]
    Malformed(String),
    #[error("{0} belongs to another location.")]
    Elsewhere(String),
    #[error("{0} is not a number of the location.")]
    Unknown(String),
    #[error("{0} is assigned.")]
    Assigned(String),
    #[error("{0} is the main number of the location.")]
    Main(String),
}

impl Directory {
    /// The locations of an organisation, the oldest first.
    pub(crate) fn locations(&self, organisation: Uuid) -> impl Iterator<Item = &Location> {
        self.locations.get(&organisation).into_iter().flatten()
    }

    pub(crate) fn location(&self, organisation: Uuid, id: Uuid) -> Option<&Location> {
        self.locations(organisation).find(|location| location.id == id)
    }

    pub(crate) fn location_mut(&mut self, organisation: Uuid, id: Uuid) -> Option<&mut Location> {
        self.locations.get_mut(&organisation)?.iter_mut().find(|location| location.id == id)
    }

    /// The location of an organisation that a Webex id names.
    pub(crate) fn location_of(&self, organisation: Uuid, id: &str) -> Option<&Location> {
        self.location(organisation, uuid_of("LOCATION", id)?)
    }

    /// Whether another location of the organisation has this name already.
    pub(crate) fn has_location_named(&self, organisation: Uuid, name: &str, but: Option<Uuid>) -> bool {
        self.locations(organisation).any(|location| Some(location.id) != but && location.name == name)
    }

    pub(crate) fn add_location(&mut self, organisation: Uuid, location: Location) {
        self.locations.entry(organisation).or_default().push(location);
    }

    pub(crate) fn remove_location(&mut self, organisation: Uuid, id: Uuid) {
        if let Some(locations) = self.locations.get_mut(&organisation) {
            locations.retain(|location| location.id != id);
        }
    }

    /// Adds numbers to a location, or none of them; those that it has already are passed over.
    pub(crate) fn add_numbers(
        &mut self,
        organisation: Uuid,
        id: Uuid,
        numbers: &[String],
        active: bool,
    ) -> Result<(), NumberError> {
        let mut new = Vec::new();
        for text in numbers {
            let value = e164(text).ok_or_else(|| NumberError::Malformed(text.clone()))?;
            match self.home_of(&value) {
                None if new.contains(&value) => {}
                None => new.push(value),
                Some(home) if home == id => {}
                Some(_) => return Err(NumberError::Elsewhere(value)),
            }
        }
        let site = self.site_mut(organisation, id)?;
        site.numbers.extend(new.into_iter().map(|value| Number { value, active }));
        Ok(())
    }

    /// Takes numbers away from a location, or none of them.
    pub(crate) fn remove_numbers(
        &mut self,
        organisation: Uuid,
        id: Uuid,
        numbers: &[String],
    ) -> Result<(), NumberError> {
        let values = self.free_numbers(organisation, id, numbers)?;
        self.site_mut(organisation, id)?.numbers.retain(|number| !values.contains(&number.value));
        Ok(())
    }

    /// Puts numbers of a location in or out of service; one that is assigned stays in service.
    pub(crate) fn activate_numbers(
        &mut self,
        organisation: Uuid,
        id: Uuid,
        numbers: &[String],
        active: bool,
    ) -> Result<(), NumberError> {
        let values = if active {
            numbers.iter().map(|text| self.number_at(organisation, id, text)).collect::<Result<Vec<_>, _>>()?
        } else {
            self.free_numbers(organisation, id, numbers)?
        };
        let site = self.site_mut(organisation, id)?;
        for number in site.numbers.iter_mut().filter(|number| values.contains(&number.value)) {
            number.active = active;
        }
        Ok(())
    }

    /// Numbers of a location that nobody has and that are not its main number.
    fn free_numbers(&self, organisation: Uuid, id: Uuid, numbers: &[String]) -> Result<Vec<String>, NumberError> {
        let main = self.location(organisation, id).and_then(|location| location.calling.as_ref()?.main.as_deref());
        let free = numbers.iter().map(|text| match self.number_at(organisation, id, text)? {
            value if main == Some(&*value) => Err(NumberError::Main(value)),
            value if self.numbers.contains_key(&value) => Err(NumberError::Assigned(value)),
            value => Ok(value),
        });
        free.collect()
    }

    fn number_at(&self, organisation: Uuid, id: Uuid, text: &str) -> Result<String, NumberError> {
        let site = self.location(organisation, id).and_then(|location| location.calling.as_ref());
        let site = site.ok_or(NumberError::NotCalling)?;
        let value = e164(text).ok_or_else(|| NumberError::Malformed(text.to_owned()))?;
        let known = site.numbers.iter().any(|number| number.value == value);
        if known { Ok(value) } else { Err(NumberError::Unknown(value)) }
    }

    fn site_mut(&mut self, organisation: Uuid, id: Uuid) -> Result<&mut Site, NumberError> {
        self.location_mut(organisation, id)
            .and_then(|location| location.calling.as_mut())
            .ok_or(NumberError::NotCalling)
    }

    /// The location of any organisation that has a number: a number exists once in the world.
    fn home_of(&self, number: &str) -> Option<Uuid> {
        let has = |location: &&Location| {
            location.calling.iter().flat_map(|site| &site.numbers).any(|known| known.value == number)
        };
        self.locations.values().flatten().find(has).map(|location| location.id)
    }
}

/// A number in E.164 format; one of the United States may be written in its national format.
fn e164(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|character| !" ()-.".contains(*character)).collect();
    let (plus, digits) = digits.strip_prefix('+').map_or((false, &*digits), |digits| (true, digits));
    let numeric = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    match (plus, digits.len()) {
        (true, 7..=15) if numeric => Some(format!("+{digits}")),
        (false, 10) if numeric => Some(format!("+1{digits}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SITES;

    #[test]
    fn a_number_is_read_in_e164_and_a_national_one_as_american() {
        for (text, value) in [
            ("+14085550199", Some("+14085550199")),
            ("(408) 555-0199", Some("+14085550199")),
            ("+41 31 555 01 00", Some("+41315550100")),
            ("14085550199", None),
            ("+0123456789", None),
            ("+1234", None),
            ("+1408555O199", None),
            ("", None),
        ] {
            assert_eq!(e164(text).as_deref(), value, "{text}");
        }
    }

    #[test]
    fn numbers_are_added_and_removed_all_or_none() {
        let mut directory = Directory::from_seed(1, 40).with_others(1, 1);
        let organisation = directory.id;
        let [headquarters, europe] = [0, 1].map(|index| SITES[index].id(organisation));
        let numbers = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let count = |directory: &Directory| directory.lines(organisation).filter(|line| line.number.is_some()).count();
        let before = count(&directory);

        let new = numbers(&["+41315550100", "+41315550101", "+41315550100"]);
        assert_eq!(directory.add_numbers(organisation, europe, &new, true), Ok(()));
        assert_eq!(directory.add_numbers(organisation, europe, &new, true), Ok(()));
        assert_eq!(count(&directory), before + 2);
        let elsewhere = numbers(&["+41315550102", "+41315550101"]);
        let refused = directory.add_numbers(organisation, headquarters, &elsewhere, true);
        assert_eq!(refused, Err(NumberError::Elsewhere("+41315550101".to_owned())));

        for (wrong, error) in [
            ("+14085550100", NumberError::Main("+14085550100".to_owned())),
            ("+14085550101", NumberError::Assigned("+14085550101".to_owned())),
            ("+41315550101", NumberError::Unknown("+41315550101".to_owned())),
        ] {
            let order = numbers(&["+14085550179", wrong]);
            assert_eq!(directory.remove_numbers(organisation, headquarters, &order), Err(error));
        }
        assert_eq!(count(&directory), before + 2);
        assert_eq!(directory.remove_numbers(organisation, europe, &new[..2]), Ok(()));
        assert_eq!(count(&directory), before);
    }
}
