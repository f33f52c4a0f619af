//! Which meeting an id names.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::{Account, Everything, Refusal};
use crate::world::{Meeting, Occurrence, Part};

/// A meeting's id: a series (`f91b…`), or one of its scheduled meetings (`f91b…_20200713T121500Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) series: Uuid,
    pub(super) slot: Option<Timestamp>,
}

/// The meeting that an id names.
pub(super) struct Target<'s> {
    pub(super) meeting: &'s Meeting,
    /// There if the id names one of its scheduled meetings.
    pub(super) occurrence: Option<Occurrence<'s>>,
}

impl Id {
    /// Reads an id. Instances of meetings that took place (`…_I_…`) do not exist here.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let (series, slot) = text.split_once('_').map_or((text, None), |(series, slot)| (series, Some(slot)));
        let series = Uuid::try_parse(series).ok().filter(|_| series.len() == 32).ok_or(Refusal::NotFound)?;
        let slot = slot.map(moment).transpose()?;
        Ok(Self { series, slot })
    }

    pub(super) fn target(self, state: &Everything) -> Result<Target<'_>, Refusal> {
        let meeting = state.meetings.get(self.series).ok_or(Refusal::NotFound)?;
        let occurrence = self.slot.map(|slot| meeting.occurrence(slot).ok_or(Refusal::NotFound)).transpose()?;
        Ok(Target { meeting, occurrence })
    }
}

fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let civil = DateTime::strptime(SLOT, text).map_err(|_| Refusal::NotFound)?;
    civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| Refusal::NotFound)
}

/// The id of a scheduled meeting.
pub(super) fn scheduled_id(series: Uuid, slot: Timestamp) -> String {
    format!("{}_{}", series.simple(), slot.strftime(SLOT))
}

const SLOT: &str = "%Y%m%dT%H%M%SZ";

/// The series of that id, if the account is its host or a cohost.
pub(super) fn hosted<'s>(state: &'s Everything, account: &Account, id: &str) -> Result<&'s Meeting, Refusal> {
    // Only series have registrants (the reference's words).
    let id = Id::parse(id)?;
    if id.slot.is_some() {
        return Err(Refusal::Invalid("Only the ID of a meeting series is supported.".to_owned()));
    }
    let meeting = id.target(state)?.meeting;
    match meeting.part(account) {
        Some(Part::Host | Part::CoHost) => Ok(meeting),
        Some(Part::Invitee) => Err(Refusal::Forbidden),
        None => Err(Refusal::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_a_series_or_one_of_its_meetings() {
        let series = Uuid::from_u128(0xf91b);
        let slot: Timestamp = "2020-07-13T12:15:00Z".parse().unwrap();
        let whole = series.simple().to_string();
        assert_eq!(Id::parse(&whole), Ok(Id { series, slot: None }));
        assert_eq!(Id::parse(&scheduled_id(series, slot)), Ok(Id { series, slot: Some(slot) }));
        assert_eq!(scheduled_id(series, slot), format!("{whole}_20200713T121500Z"));
        for wrong in ["", "x", "0000f91b", &series.to_string(), &format!("{whole}_"), &format!("{whole}_I_1664")] {
            assert_eq!(Id::parse(wrong), Err(Refusal::NotFound), "{wrong}");
        }
    }
}
