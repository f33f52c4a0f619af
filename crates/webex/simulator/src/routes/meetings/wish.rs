//! A meeting as a call describes it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Refusal, settings, zone};
use crate::world::{Invitee, MeetingPlan, RegistrationForm, address};

/// The body of a call that creates or changes a meeting.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    title: Option<String>,
    #[serde(default)]
    agenda: Field<String>,
    password: Option<String>,
    start: Option<String>,
    end: Option<String>,
    timezone: Option<String>,
    #[serde(default)]
    pub(super) recurrence: Field<String>,
    pub(super) scheduled_type: Option<String>,
    pub(super) host_email: Option<String>,
    pub(super) site_url: Option<String>,
    #[serde(default)]
    pub(super) invitees: Vec<Invitee>,
    pub(super) registration: Option<Map<String, Value>>,
    adhoc: Option<bool>,
    room_id: Option<String>,
    template_id: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A field that a call can set to null.
#[derive(Debug, Default)]
pub(super) enum Field<T> {
    /// It is left out.
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Value))
    }
}

const LONGEST_TITLE: usize = 128;
const LONGEST_AGENDA: usize = 1300;
const MOST_INVITEES: usize = 1000;

/// How long a meeting lasts, and how far away it can be (the reference's words).
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(24 * 60 - 1);
const MOST_YEARS: i64 = 10;

impl Wish {
    /// The plan of a new meeting; `password` is for one that names none.
    pub(super) fn plan(&self, now: Timestamp, password: String) -> Result<MeetingPlan, Refusal> {
        let room = [
            (self.adhoc == Some(true), "adhoc"),
            (self.room_id.is_some(), "roomId"),
            (self.template_id.is_some(), "templateId"),
        ];
        if let Some((_, name)) = room.iter().find(|(named, _)| *named) {
            return Err(Refusal::Invalid(format!(
                "{name} is not simulated: there are no meetings of a space, and no templates."
            )));
        }
        for (name, value) in [("title", &self.title), ("start", &self.start), ("end", &self.end)] {
            if value.as_ref().is_none_or(|text| text.trim().is_empty()) {
                return Err(Refusal::Invalid(format!("{name} is required.")));
            }
        }
        if self.invitees.len() > MOST_INVITEES {
            return Err(Refusal::Invalid(format!("A meeting has at most {MOST_INVITEES} invitees.")));
        }
        if let Some(wrong) = self.invitees.iter().find(|invitee| address(&invitee.email).is_none()) {
            return Err(Refusal::Invalid(format!("{} is not an email address.", wrong.email)));
        }
        let mut plan = MeetingPlan {
            title: String::new(),
            agenda: None,
            password,
            // The epoch is no start that a call could name, so that the times are checked.
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
            zone: TimeZone::UTC,
            settings: settings::defaults(),
        };
        self.revise(&mut plan, now)?;
        Ok(plan)
    }

    /// Takes over what the call says; the rest stays.
    pub(super) fn revise(&self, plan: &mut MeetingPlan, now: Timestamp) -> Result<(), Refusal> {
        let short = |name: &str, text: &str, longest: usize| match text.chars().count() {
            count if count > longest => Err(Refusal::Invalid(format!("{name} has at most {longest} characters."))),
            _ => Ok(text.to_owned()),
        };
        if let Some(title) = &self.title {
            if title.trim().is_empty() {
                return Err(Refusal::Invalid("title is required.".to_owned()));
            }
            plan.title = short("title", title, LONGEST_TITLE)?;
        }
        match &self.agenda {
            Field::Absent => {}
            Field::Null => plan.agenda = None,
            Field::Value(agenda) => plan.agenda = Some(short("agenda", agenda, LONGEST_AGENDA)?),
        }
        if let Some(password) = &self.password {
            if !(password.chars().any(char::is_uppercase) && password.chars().any(char::is_lowercase)) {
                let reason = "Meeting password validation failed. A mix of uppercase and lowercase letters (A, a, B, b, C, c, etc.) is required.";
                return Err(Refusal::Invalid(reason.to_owned()));
            }
            plan.password = short("password", password, LONGEST_TITLE)?;
        }
        if let Some(name) = &self.timezone {
            plan.zone = zone(name)?;
        }
        let time = |name, text: &Option<String>| text.as_ref().map(|text| moment(text, &plan.zone, name)).transpose();
        let (start, end) = (time("start", &self.start)?, time("end", &self.end)?);
        if start.is_some() || end.is_some() {
            (plan.start, plan.end) = times((start, end), (plan.start, plan.end), now)?;
        }
        settings::adopt(&mut plan.settings, &self.others)
    }

    /// Whether it names other times.
    pub(super) fn moves(&self) -> bool {
        self.start.is_some() || self.end.is_some() || !matches!(self.recurrence, Field::Absent)
    }

    /// The registration form that the host asks for, if any.
    pub(super) fn form(&self) -> Result<Option<RegistrationForm>, Refusal> {
        self.registration.as_ref().map(form).transpose()
    }
}

/// A registration form, without what is not simulated.
pub(super) fn form(said: &Map<String, Value>) -> Result<RegistrationForm, Refusal> {
    for name in ["customizedQuestions", "rules"] {
        if said.get(name).is_some_and(|value| !value.is_null() && *value != Value::Array(Vec::new())) {
            return Err(Refusal::Invalid(format!("{name} of a registration is not simulated.")));
        }
    }
    let form: RegistrationForm = serde_json::from_value(Value::Object(said.clone()))
        .map_err(|error| Refusal::Invalid(format!("registration is not valid: {error}.")))?;
    Ok(form.complete())
}

/// New times in place of the old ones, exact to the minute.
fn times(
    (start, end): (Option<Timestamp>, Option<Timestamp>),
    old: (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), Refusal> {
    let wrong = |reason: &str| Err(Refusal::Invalid(reason.to_owned()));
    let mut start = start.map_or(old.0, minute);
    let end = end.map_or(old.1, minute);
    if start != old.0 {
        if start < minute(now) {
            return wrong("start cannot be before the current date and time.");
        }
        if start == minute(now) && start != now {
            start = start.saturating_add(SignedDuration::from_mins(1)).unwrap_or(start);
        }
        let furthest = now.to_zoned(TimeZone::UTC).saturating_add(MOST_YEARS.years()).timestamp();
        if start >= furthest {
            return wrong("start cannot be 10 years or more in the future.");
        }
    }
    if end <= start {
        return wrong("end cannot be before start.");
    }
    if !(SHORTEST..=LONGEST).contains(&end.duration_since(start)) {
        return wrong("The duration between start and end must be from 10 minutes to 23 hours and 59 minutes.");
    }
    Ok((start, end))
}

fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

/// A moment in ISO 8601; one without an offset is in the zone.
pub(super) fn moment(text: &str, zone: &TimeZone, name: &str) -> Result<Timestamp, Refusal> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok();
    let found = text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp()));
    found.ok_or_else(|| Refusal::Invalid(format!("{name} is not a date and time in ISO 8601: {text}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_read_with_its_offset_or_in_the_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        for text in ["2026-03-02T20:00:00+08:00", "2026-03-02T12:00:00Z", "2026-03-02T20:00:00", "2026-03-02 20:00"] {
            assert_eq!(moment(text, &zone, "start"), Ok(at("2026-03-02T12:00:00Z")), "{text}");
        }
        assert_eq!(moment("2026-03-02", &TimeZone::UTC, "from"), Ok(at("2026-03-02T00:00:00Z")));
        for text in ["", "soon", "2026-13-02T20:00:00Z", "1772452800"] {
            assert!(moment(text, &zone, "start").is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_exact_to_the_minute_and_within_bounds() {
        let now = at("2022-03-01T02:32:16.657Z");
        let old = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let of = |start: &str, end: &str| times((Some(at(start)), Some(at(end))), old, now);
        // The reference's own examples.
        let soon = of("2022-03-01T02:32:28.076Z", "2022-03-01T03:00:00Z");
        assert_eq!(soon, Ok((at("2022-03-01T02:33:00Z"), at("2022-03-01T03:00:00Z"))));
        let later = of("2022-03-01T03:32:28.076Z", "2022-03-01T04:00:41Z");
        assert_eq!(later, Ok((at("2022-03-01T03:32:00Z"), at("2022-03-01T04:00:00Z"))));
        for (start, end) in [
            ("2022-03-01T02:31:00Z", "2022-03-01T03:00:00Z"),
            ("2022-03-01T03:00:00Z", "2022-03-01T03:00:00Z"),
            ("2022-03-01T03:00:00Z", "2022-03-01T03:09:59Z"),
            ("2022-03-01T03:00:00Z", "2022-03-02T03:00:00Z"),
            ("2032-03-01T03:00:00Z", "2032-03-01T04:00:00Z"),
        ] {
            assert!(of(start, end).is_err(), "{start} {end}");
        }
        // A meeting that takes place can be made longer.
        let old = (at("2022-03-01T02:00:00Z"), at("2022-03-01T02:40:00Z"));
        assert!(times((None, Some(at("2022-03-01T03:00:00Z"))), old, now).is_ok());
    }
}
