//! Calls that schedule, change and cancel meetings.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use lanyard_time::Entropy;

use super::wish::{Field, Wish};
use super::{Account, Everything, Form, Id, Refusal, Target, View, Webex, Write, subject};
use crate::random;
use crate::routes::extract::{Body, Permitted};
use crate::routes::refusal::Reply;
use crate::world::{Licence, Meeting, MeetingKind, MeetingPlan, Part, Rule};

/// `POST /meetings`. The host needs a licence for meetings.
pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    let now = webex.now();
    let entropy = &*webex.setting().entropy;
    let mut state = webex.state();
    let host = subject(&caller, &state, wish.host_email.as_deref())?;
    if !host.licences.has(Licence::MEETINGS) {
        return Err(Refusal::Forbidden);
    }
    let site = state.directory.site_of(host.organisation);
    if let Some(other) = wish.site_url.as_ref().filter(|other| **other != site) {
        return Err(Refusal::Invalid(format!("{other} is not a site of the host; use {site}.")));
    }
    let kind = match wish.scheduled_type.as_deref() {
        None | Some("meeting") => MeetingKind::Meeting,
        Some("webinar") => MeetingKind::Webinar,
        Some(other) => return Err(Refusal::Invalid(format!("scheduledType is meeting or webinar here, not {other}."))),
    };
    let plan = wish.plan(now, password(entropy))?;
    let rule = rule(&wish, &plan, None)?;
    let form = wish.form()?;
    one_meeting(form.is_some(), rule.as_ref())?;
    let id = random::uuid(entropy);
    let meeting = Meeting {
        id,
        organisation: host.organisation,
        host: host.id,
        number: number(&state, entropy),
        host_key: digits(entropy, 6),
        numeric_password: digits(entropy, 8),
        kind,
        plan,
        rule,
        exceptions: BTreeMap::new(),
        invitees: wish.invitees,
        form,
        registrants: crate::world::Shelf::default(),
    };
    state.meetings.put(meeting)?;
    let meeting = state.meetings.get(id).ok_or(Refusal::NotFound)?;
    let view = View { state: &state, now, zone: &meeting.plan.zone, part: meeting.part(&host) };
    Ok(Json(view.whole(meeting)))
}

/// `PUT` and `PATCH /meetings/{id}`: what they leave out stays. A scheduled meeting changes apart from its series.
pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    let now = webex.now();
    let mut state = webex.state();
    let account = subject(&caller, &state, wish.host_email.as_deref())?;
    let id = Id::parse(&id)?;
    let Target { meeting, occurrence } = changeable(&state, &account, id)?;
    let changed = match occurrence {
        None => {
            let mut plan = meeting.plan.clone();
            wish.revise(&mut plan, now)?;
            let rule = rule(&wish, &plan, meeting.rule.as_ref())?;
            one_meeting(meeting.form.is_some(), rule.as_ref())?;
            let meeting = state.meetings.get_mut(id.series).ok_or(Refusal::NotFound)?;
            if wish.moves() {
                // A series that moves loses its exceptions (the reference's words).
                meeting.exceptions.clear();
            }
            (meeting.plan, meeting.rule) = (plan, rule);
            None
        }
        Some(occurrence) => {
            let mut plan = MeetingPlan { start: occurrence.start, end: occurrence.end, ..occurrence.plan.clone() };
            wish.revise(&mut plan, now)?;
            let slot = occurrence.slot;
            let meeting = state.meetings.get_mut(id.series).ok_or(Refusal::NotFound)?;
            meeting.exceptions.insert(slot, Some(plan));
            Some(slot)
        }
    };
    let meeting = state.meetings.get(id.series).ok_or(Refusal::NotFound)?;
    let view = View { state: &state, now, zone: &meeting.plan.zone, part: meeting.part(&account) };
    let occurrence = changed.and_then(|slot| meeting.occurrence(slot));
    Ok(Json(occurrence.map_or_else(|| view.series(meeting, false), |changed| view.scheduled(meeting, &changed))))
}

/// `DELETE /meetings/{id}`: a series, or one of its scheduled meetings.
pub(super) async fn delete(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    query: Form,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let id = Id::parse(&id)?;
    changeable(&state, &account, id)?;
    match id.slot {
        None => drop(state.meetings.take(id.series)),
        Some(slot) => {
            let meeting = state.meetings.get_mut(id.series).ok_or(Refusal::NotFound)?;
            meeting.exceptions.insert(slot, None);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A meeting of which the account is the host or a cohost.
fn changeable<'s>(state: &'s Everything, account: &Account, id: Id) -> Result<Target<'s>, Refusal> {
    let target = id.target(state)?;
    match target.meeting.part(account) {
        Some(Part::Host | Part::CoHost) => Ok(target),
        Some(Part::Invitee) => Err(Refusal::Forbidden),
        None => Err(Refusal::NotFound),
    }
}

/// The rule that a call names, or the one that the series has. It is read again for the start that the series has now.
fn rule(wish: &Wish, plan: &MeetingPlan, known: Option<&Rule>) -> Result<Option<Rule>, Refusal> {
    let text = match &wish.recurrence {
        Field::Absent => known.map(|rule| rule.text.as_str()),
        Field::Null => None,
        Field::Value(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
    };
    let rule = text.map(|text| Rule::parse(text, plan.start, &plan.zone)).transpose();
    rule.map_err(|error| Refusal::Invalid(error.to_string()))
}

/// Refuses a registration form for a series of several meetings.
fn one_meeting(has_form: bool, rule: Option<&Rule>) -> Result<(), Refusal> {
    if has_form && rule.is_some() {
        return Err(Refusal::Invalid("Registration is not supported for a recurring meeting.".to_owned()));
    }
    Ok(())
}

/// A meeting number that no other meeting has.
fn number(state: &Everything, entropy: &dyn Entropy) -> String {
    loop {
        let number = format!("2{}", digits(entropy, 10));
        if state.meetings.iter().all(|meeting| meeting.number != number) {
            return number;
        }
    }
}

fn digits(entropy: &dyn Entropy, count: usize) -> String {
    (0..count).map(|_| random::below(entropy, 10).to_string()).collect()
}

/// A password as a site demands it: capital and small letters, and digits.
fn password(entropy: &dyn Entropy) -> String {
    format!("Mx{}7", random::hexadecimal(&random::bytes::<4>(entropy)))
}
