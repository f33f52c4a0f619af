//! Adding, changing and removing people.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::view::{Sight, View};
use super::{Caller, Form, Refusal, role_id};
use crate::behaviour::PutPeople;
use crate::issuer::Selection;
use crate::random;
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::Reply;
use crate::webex::{State as Everything, Webex};
use crate::world::{Account, Assignment, Directory, GrantError, Licence, Phone, Profile, address, person_of};

scopes! {
    Write = "spark-admin:people_write";
}

/// A person as a call describes them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Wish {
    emails: Option<Vec<String>>,
    phone_numbers: Option<Vec<Phone>>,
    extension: Option<String>,
    location_id: Option<String>,
    display_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    org_id: Option<String>,
    roles: Option<Vec<String>>,
    licenses: Option<Vec<String>>,
    /// A truth value in the reference's request; a text in what it shows.
    login_enabled: Option<Value>,
    #[serde(flatten)]
    profile: Profile,
}

/// `POST /people`. A line that cannot be given is refused, and the person is there all the same.
pub(in crate::routes) async fn create(
    webex: Webex,
    caller: Permitted<Write>,
    query: Form,
    Body(wish): Body<Wish>,
) -> Reply {
    let email = wish.email()?.ok_or_else(|| bad("emails is required."))?;
    let name = wish.name().ok_or_else(|| bad("displayName, firstName or lastName is required."))?;
    let now = webex.now();
    let id = random::uuid(&*webex.setting().entropy);
    let mut state = webex.state();
    let organisation = caller.reach_organisation(&state, wish.org_id.as_deref())?;
    wish.check(&state.directory, organisation, false)?;
    let Everything { directory, issuer, .. } = &mut *state;
    if directory.by_email(&email).is_some() {
        return Err(taken());
    }
    let mut account = Account::person(id, organisation, ("", ""), email, now);
    account.invited = true;
    wish.describe(&mut account, name, PutPeople::Replace);
    directory.add(account);
    issuer.note_elsewhere([(id, organisation)].into_iter().filter(|_| organisation != directory.id));
    wish.license(directory, id, now, PutPeople::Replace)?;
    shown(directory, id, &caller, &query)
}

/// `PUT /people/{id}`. A line that cannot be given is refused, and the rest is changed all the same.
pub(in crate::routes) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    query: Form,
    Body(wish): Body<Wish>,
) -> Reply {
    let email = wish.email()?;
    let name = wish.display_name.clone().filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| bad("displayName is required."))?;
    let now = webex.now();
    let mut state = webex.state();
    let mut account = Account::clone(reachable(&state, &caller, &id)?);
    let put = state.behaviour.put_people;
    let Everything { directory, issuer, .. } = &mut *state;
    wish.check(directory, account.organisation, account.calling.is_some())?;
    if let Some(email) = email {
        if directory.by_email(&email).is_some_and(|owner| owner.id != account.id) {
            return Err(taken());
        }
        account.email = email;
    }
    let signs_in = match &wish.login_enabled {
        None | Some(Value::Null) => account.signs_in,
        Some(value) => *value == true || *value == "true",
    };
    wish.describe(&mut account, name, put);
    account.modified = now;
    account.signs_in = signs_in;
    let id = account.id;
    directory.add(account);
    if !signs_in {
        issuer.end_grants(&Selection { account: Some(id), ..Selection::default() });
    }
    wish.license(directory, id, now, put)?;
    shown(directory, id, &caller, &query)
}

/// `DELETE /people/{id}`; everything that acts for the person ends.
pub(in crate::routes) async fn delete(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = reachable(&state, &caller, &id)?.id;
    let Everything { directory, issuer, spaces, meetings, hooks, .. } = &mut *state;
    directory.remove(id);
    spaces.forget(id);
    meetings.forget(id);
    hooks.forget(id);
    issuer.end_grants(&Selection { account: Some(id), ..Selection::default() });
    Ok(StatusCode::NO_CONTENT)
}

/// A person whom the caller may change.
fn reachable<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<&'s Account, Refusal> {
    let account = person_of(id).and_then(|id| state.directory.account(id)).filter(|account| account.is_member());
    let account = account.filter(|account| caller.sees(state, account.organisation));
    account.map(|account| &**account).ok_or(Refusal::NotFound)
}

fn shown(directory: &Directory, id: Uuid, caller: &Caller, query: &Form) -> Reply {
    let account = directory.account(id).ok_or(Refusal::NotFound)?;
    if query.get("minResponse") == Some("true") {
        return Ok(Json(json!({ "id": account.webex_id() })));
    }
    Ok(Json(json!(View::of(directory, account, Sight::of(caller, query)))))
}

impl Wish {
    /// The first address, lower case.
    fn email(&self) -> Result<Option<String>, Refusal> {
        let Some(email) = self.emails.as_ref().and_then(|emails| emails.first()) else { return Ok(None) };
        address(email).map(Some).ok_or_else(|| bad("The email address is not valid."))
    }

    fn name(&self) -> Option<String> {
        let display = self.display_name.clone().filter(|name| !name.trim().is_empty());
        let parts: Vec<_> = [&self.first_name, &self.last_name].into_iter().flatten().map(|name| name.trim()).collect();
        display.or_else(|| Some(parts.join(" "))).filter(|name| !name.is_empty())
    }

    /// Refuses roles and places that do not exist, and a place without the licence that goes with it. Somebody who has a line may lose
    /// its licence in a call that still names the place: licence, place and number then go together [C: the lab's portal disables
    /// people so].
    fn check(&self, directory: &Directory, organisation: Uuid, has_a_line: bool) -> Result<(), Refusal> {
        let mut roles = self.roles.iter().flatten();
        if let Some(unknown) = roles.find(|role| role.trim_end_matches('=') != role_id()) {
            return Err(Refusal::BadRequest(format!("{unknown} is not a role.")));
        }
        let Some(place) = &self.location_id else { return Ok(()) };
        if directory.location_of(organisation, place).is_none() {
            return Err(bad("Unable to find location."));
        }
        if !has_a_line && !self.licences(organisation).any(Licence::is_calling) {
            return Err(bad("locationId can only be set together with a Webex Calling license."));
        }
        Ok(())
    }

    /// The licences named; what is none of the organisation's is passed over.
    fn licences(&self, organisation: Uuid) -> impl Iterator<Item = Licence> {
        self.licenses.iter().flatten().filter_map(move |id| Licence::of(organisation, id))
    }

    /// Writes what the call says into the record; `put` decides about what it leaves out.
    fn describe(&self, account: &mut Account, name: String, put: PutPeople) {
        let merging = put == PutPeople::Merge;
        account.display_name = name;
        if !merging || self.first_name.is_some() {
            account.first_name.clone_from(&self.first_name);
        }
        if !merging || self.last_name.is_some() {
            account.last_name.clone_from(&self.last_name);
        }
        if !merging || self.roles.is_some() {
            account.administrator = self.roles.as_ref().is_some_and(|roles| !roles.is_empty());
        }
        let kept = if merging { account.profile.clone() } else { Profile::default() };
        account.profile = self.profile.clone().or(kept);
        if let Some(phones) = &self.phone_numbers {
            // The extension's number follows from the line.
            account.phones = phones.iter().filter(|phone| phone.kind != "work_extension").cloned().collect();
        } else if !merging {
            account.phones.clear();
        }
    }

    /// Gives and takes licences until the person has those named, as far as there are units; the one for calling comes last.
    fn license(&self, directory: &mut Directory, id: Uuid, now: Timestamp, put: PutPeople) -> Result<(), Refusal> {
        let Some(account) = directory.account(id) else { return Ok(()) };
        let organisation = account.organisation;
        let named = self.licenses.is_some() || put == PutPeople::Replace;
        let wanted: Vec<_> =
            if named { self.licences(organisation).collect() } else { account.licences.iter().collect() };
        let upgraded = wanted.iter().any(|licence| licence.is_calling());
        for licence in account.licences.iter() {
            // One licence for calling takes the place of another when it is given.
            let stays = wanted.contains(&licence) || (upgraded && licence.is_calling());
            if !stays {
                directory.take(id, licence, now);
            }
        }
        let place = self.location_id.as_deref().and_then(|id| directory.location_of(organisation, id));
        let place = place.map(|place| place.id);
        let number = self.phone_numbers.iter().flatten().find(|phone| phone.kind == "work");
        let assignment = |licence| Assignment {
            licence,
            number: number.map(|phone| phone.value.clone()),
            extension: self.extension.clone().filter(|extension| !extension.is_empty()),
            location: place,
        };
        let (calling, others): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|licence| licence.is_calling());
        for licence in others.into_iter().chain(calling) {
            match directory.give(id, &assignment(licence), now) {
                Ok(()) | Err(GrantError::Exhausted) => {}
                Err(error) => return Err(Refusal::BadRequest(error.to_string())),
            }
        }
        Ok(())
    }
}

fn bad(message: &str) -> Refusal {
    Refusal::BadRequest(message.to_owned())
}

fn taken() -> Refusal {
    Refusal::Gateway(StatusCode::CONFLICT, "The email address is already in use.")
}
