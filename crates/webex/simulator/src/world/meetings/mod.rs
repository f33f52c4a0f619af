//! Meetings: what is scheduled, and who has registered for it. A meeting that is held would be an instance beside its series.

mod registration;
mod rule;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::account::Account;
use super::shelf::Shelf;

pub(crate) use registration::{Form as RegistrationForm, Registrant, RegistrationError, Status as RegistrantStatus};
pub(crate) use rule::Rule;

/// A meeting series; one without a rule has a single occurrence.
#[derive(Debug)]
pub(crate) struct Meeting {
    pub(crate) id: Uuid,
    /// The organisation whose site it is on.
    pub(crate) organisation: Uuid,
    pub(crate) host: Uuid,
    /// Eleven digits, unlike those of every other meeting.
    pub(crate) number: String,
    pub(crate) host_key: String,
    /// The password for callers by telephone or from a device: eight digits.
    pub(crate) numeric_password: String,
    pub(crate) kind: MeetingKind,
    pub(crate) plan: MeetingPlan,
    pub(crate) rule: Option<Rule>,
    /// Occurrences that differ from the series, by the start that the rule gives them. A cancelled one has no plan.
    pub(crate) exceptions: BTreeMap<Timestamp, Option<MeetingPlan>>,
    pub(crate) invitees: Vec<Invitee>,
    /// There if people must register.
    pub(crate) form: Option<RegistrationForm>,
    pub(crate) registrants: Shelf<Registrant>,
}

/// The details of a meeting. A single occurrence can have its own.
#[derive(Clone, Debug)]
pub(crate) struct MeetingPlan {
    pub(crate) title: String,
    pub(crate) agenda: Option<String>,
    pub(crate) password: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// The time zone in which it was scheduled.
    pub(crate) zone: TimeZone,
    /// The settings under their wire names.
    pub(crate) settings: Map<String, Value>,
}

/// The kinds of meeting that can be scheduled here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum MeetingKind {
    #[default]
    Meeting,
    Webinar,
}

impl MeetingKind {
    /// Webex's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Meeting => "meeting",
            Self::Webinar => "webinar",
        }
    }
}

/// A person whom the host invites.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitee {
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) co_host: bool,
}

/// One scheduled meeting of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence<'m> {
    /// The start that the rule gives it; it is part of the id.
    pub(crate) slot: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) plan: &'m MeetingPlan,
    /// Whether it was changed apart from its series.
    pub(crate) modified: bool,
}

/// An account's role in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Invitee,
    CoHost,
    Host,
}

impl Meeting {
    /// An account's role in the meeting, if it has one.
    pub(crate) fn part(&self, account: &Account) -> Option<Part> {
        if account.id == self.host {
            return Some(Part::Host);
        }
        let invitee = self.invitees.iter().find(|invitee| invitee.email.eq_ignore_ascii_case(&account.email))?;
        Some(if invitee.co_host { Part::CoHost } else { Part::Invitee })
    }

    /// The starts that the rule gives.
    fn slots(&self) -> Vec<Timestamp> {
        let MeetingPlan { start, zone, .. } = &self.plan;
        self.rule.as_ref().map_or_else(|| vec![*start], |rule| rule.starts(*start, zone))
    }

    /// Its scheduled meetings in the rule's order, without those that were cancelled.
    pub(crate) fn occurrences(&self) -> impl Iterator<Item = Occurrence<'_>> {
        self.slots().into_iter().filter_map(|slot| self.at(slot))
    }

    /// The scheduled meeting with this start according to the rule.
    pub(crate) fn occurrence(&self, slot: Timestamp) -> Option<Occurrence<'_>> {
        self.slots().contains(&slot).then(|| self.at(slot)).flatten()
    }

    fn at(&self, slot: Timestamp) -> Option<Occurrence<'_>> {
        match self.exceptions.get(&slot) {
            None => {
                let end = slot.saturating_add(self.plan.end.duration_since(self.plan.start)).unwrap_or(slot);
                Some(Occurrence { slot, start: slot, end, plan: &self.plan, modified: false })
            }
            Some(None) => None,
            Some(Some(plan)) => Some(Occurrence { slot, start: plan.start, end: plan.end, plan, modified: true }),
        }
    }

    /// The scheduled meeting that takes place, or else the next one.
    pub(crate) fn current(&self, now: Timestamp) -> Option<Occurrence<'_>> {
        self.occurrences().find(|occurrence| occurrence.end > now)
    }
}

/// All meetings.
#[derive(Debug, Default)]
pub(crate) struct Meetings(Shelf<Meeting>);

/// How many meetings a host can have here.
const MOST: usize = 1000;

/// A host has as many meetings as the simulator keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyMeetings;

impl Meetings {
    /// Keeps a new meeting.
    pub(crate) fn put(&mut self, meeting: Meeting) -> Result<(), TooManyMeetings> {
        if self.0.iter().filter(|known| known.host == meeting.host).count() >= MOST {
            return Err(TooManyMeetings);
        }
        self.0.put(meeting.id, meeting);
        Ok(())
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&Meeting> {
        self.0.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Meeting> {
        self.0.get_mut(id)
    }

    pub(crate) fn take(&mut self, id: Uuid) -> Option<Meeting> {
        self.0.take(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Meeting> {
        self.0.iter()
    }

    /// Removes the meetings of a host who is gone.
    pub(crate) fn forget(&mut self, host: Uuid) {
        let own: Vec<Uuid> = self.0.iter().filter(|meeting| meeting.host == host).map(|meeting| meeting.id).collect();
        for id in own {
            self.0.take(id);
        }
    }
}

impl super::Directory {
    /// The Webex site of an organisation, under `.example`, so that none of its links leads anywhere.
    pub(crate) fn site_of(&self, organisation: Uuid) -> String {
        let domain = self.domain_of(organisation);
        format!("{}.webex.example", domain.trim_end_matches(".example"))
    }
}
