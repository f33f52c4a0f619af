//! `GET /meetings`.

use axum::response::Response;
use http::HeaderMap;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::find::Id;
use super::view::{View, state_of, web_link};
use super::wish::moment;
use super::{Everything, Form, Read, Refusal, Webex, subject, zone_of};
use crate::routes::extract::{Paging, Permitted};
use crate::routes::refusal::Reply;
use crate::world::{Account, Meeting, MeetingKind, Occurrence};

/// How far a range reaches that names only one of its ends.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The parameters that only a list of ended instances accepts.
const ENDED_ONLY: [&str; 8] =
    ["hasChat", "hasRecording", "hasTranscription", "hasSummary", "hasClosedCaption", "hasPolls", "hasQA", "hasSlido"];

/// Each of these names meetings; no two go together.
const NAMING: [&str; 3] = ["meetingNumber", "webLink", "roomId"];

/// Which kind of meetings is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Series,
    Scheduled,
    /// Meetings that take place or have ended: there are none yet.
    Instance,
}

/// An entry of a list.
enum Entry<'s> {
    Series(&'s Meeting),
    Scheduled(&'s Meeting, Occurrence<'s>),
}

pub(super) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    page: Paging<10, 100>,
    query: Form,
    headers: HeaderMap,
) -> Reply<Response> {
    let zone = zone_of(&headers)?;
    let now = webex.now();
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let filter = Filter::of(&query, now)?;
    let mut found: Vec<_> = filter.find(&state, &account)?;
    found.sort_by_key(|(start, _)| *start);
    let show = |(_, entry): (Timestamp, Entry<'_>)| {
        let view = |meeting: &Meeting| View { state: &state, now, zone: &zone, part: meeting.part(&account) };
        match entry {
            Entry::Series(meeting) => view(meeting).series(meeting, filter.current),
            Entry::Scheduled(meeting, occurrence) => view(meeting).scheduled(meeting, &occurrence),
        }
    };
    page.reply(found.into_iter(), show)
}

struct Filter<'q> {
    query: &'q Form,
    now: Timestamp,
    sort: Option<Sort>,
    from: Timestamp,
    to: Timestamp,
    current: bool,
    kind: Option<MeetingKind>,
}

impl<'q> Filter<'q> {
    fn of(query: &'q Form, now: Timestamp) -> Result<Self, Refusal> {
        let sort = match query.get("meetingType") {
            None => None,
            Some("meetingSeries") => Some(Sort::Series),
            Some("scheduledMeeting") => Some(Sort::Scheduled),
            Some("meeting") => Some(Sort::Instance),
            Some(other) => return Err(Refusal::Invalid(format!("{other} is not a meetingType."))),
        };
        if let Some(state) = query.get("state").filter(|state| !STATES.contains(state)) {
            return Err(Refusal::Invalid(format!("{state} is not a state.")));
        }
        if NAMING.iter().filter(|name| query.get(name).is_some()).count() > 1 {
            return Err(Refusal::Invalid("meetingNumber, webLink and roomId are mutually exclusive.".to_owned()));
        }
        let ended = sort == Some(Sort::Instance) && query.get("state") == Some("ended");
        if let Some(name) = ENDED_ONLY.iter().find(|name| query.get(name).is_some() && !ended) {
            return Err(Refusal::Invalid(format!("{name} requires meetingType=meeting and state=ended.")));
        }
        let kind = match query.get("scheduledType") {
            None => None,
            Some("meeting") => Some(MeetingKind::Meeting),
            Some("webinar") => Some(MeetingKind::Webinar),
            Some("personalRoomMeeting") => return Ok(Self { to: now, from: now, ..Self::nothing(query, now) }),
            Some(other) => return Err(Refusal::Invalid(format!("{other} is not a scheduledType."))),
        };
        let end = |name| query.get(name).map(|text| moment(text, &TimeZone::UTC, name)).transpose();
        let (from, to) = match (end("from")?, end("to")?) {
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, later(from, WEEK)),
            (None, Some(to)) => (later(to, -WEEK), to),
            // A series is found whole through its id.
            (None, None) if query.get("meetingSeriesId").is_some() => (Timestamp::MIN, Timestamp::MAX),
            (None, None) => (now, later(now, WEEK)),
        };
        if from > to {
            return Err(Refusal::Invalid("from cannot be after to.".to_owned()));
        }
        Ok(Self { query, now, sort, from, to, current: query.get("current") != Some("false"), kind })
    }

    /// A filter that lets nothing pass: nobody has a personal room here.
    fn nothing(query: &'q Form, now: Timestamp) -> Self {
        Self { query, now, sort: Some(Sort::Instance), from: now, to: now, current: true, kind: None }
    }

    /// The entries in which the account has a part, each with the moment to sort it by.
    fn find<'s>(&self, state: &'s Everything, account: &Account) -> Result<Vec<(Timestamp, Entry<'s>)>, Refusal> {
        let own = state.meetings.iter().filter(|meeting| meeting.part(account).is_some());
        let own = own.filter(|meeting| self.kind.is_none_or(|kind| meeting.kind == kind));
        if let Some(id) = self.query.get("meetingSeriesId") {
            let series = Id::parse(id)?.series;
            let meeting = own.filter(|meeting| meeting.id == series);
            return Ok(self.scheduled(meeting).collect());
        }
        let named = |meeting: &&Meeting| {
            let site = state.directory.site_of(meeting.organisation);
            let number = self.query.get("meetingNumber").map(|number| number.replace(' ', ""));
            number.is_some_and(|number| meeting.number == number)
                || self.query.get("webLink").is_some_and(|link| web_link(meeting, &site) == link)
        };
        if NAMING.iter().any(|name| self.query.get(name).is_some()) {
            return Ok(own.filter(named).filter_map(|meeting| self.one(meeting)).collect());
        }
        let tagged = |meeting: &&Meeting| {
            let tags = meeting.plan.settings.get("integrationTags").and_then(Value::as_array);
            self.query.get("integrationTag").is_none_or(|tag| tags.into_iter().flatten().any(|known| known == tag))
        };
        let at_site = |meeting: &&Meeting| {
            self.query.get("siteUrl").is_none_or(|site| state.directory.site_of(meeting.organisation) == site)
        };
        let own = own.filter(at_site).filter(tagged);
        Ok(match self.sort {
            Some(Sort::Instance) => Vec::new(),
            Some(Sort::Scheduled) => self.scheduled(own).collect(),
            None | Some(Sort::Series) => own.filter_map(|meeting| self.series(meeting)).collect(),
        })
    }

    /// A series with a scheduled meeting in the range.
    fn series<'s>(&self, meeting: &'s Meeting) -> Option<(Timestamp, Entry<'s>)> {
        let first = meeting.occurrences().find(|occurrence| self.overlaps(occurrence))?;
        let active = meeting.current(self.now).is_some();
        let state = self.query.get("state").is_none_or(|state| state == if active { "active" } else { "expired" });
        state.then_some((first.start, Entry::Series(meeting)))
    }

    fn scheduled<'s>(
        &self,
        meetings: impl Iterator<Item = &'s Meeting>,
    ) -> impl Iterator<Item = (Timestamp, Entry<'s>)> {
        let modified = self.query.get("isModified").map(|flag| flag == "true");
        let none = self.sort == Some(Sort::Instance);
        meetings
            .filter(move |_| !none)
            .flat_map(|meeting| meeting.occurrences().map(move |occurrence| (meeting, occurrence)))
            .filter(|(_, occurrence)| self.overlaps(occurrence))
            .filter(|(_, occurrence)| {
                self.query.get("state").is_none_or(|state| state == state_of(occurrence, self.now))
            })
            .filter(move |(_, occurrence)| modified.is_none_or(|modified| modified == occurrence.modified))
            .map(|(meeting, occurrence)| (occurrence.start, Entry::Scheduled(meeting, occurrence)))
    }

    /// The entry that a number or a link finds: the next scheduled meeting, or the whole series.
    fn one<'s>(&self, meeting: &'s Meeting) -> Option<(Timestamp, Entry<'s>)> {
        if !self.current {
            return Some((meeting.plan.start, Entry::Series(meeting)));
        }
        let occurrence = meeting.current(self.now)?;
        Some((occurrence.start, Entry::Scheduled(meeting, occurrence)))
    }

    fn overlaps(&self, occurrence: &Occurrence<'_>) -> bool {
        occurrence.start < self.to && occurrence.end > self.from
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

const STATES: [&str; 8] = ["active", "scheduled", "ready", "lobby", "inProgress", "ended", "missed", "expired"];
