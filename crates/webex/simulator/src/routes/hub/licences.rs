//! Licences: what the organisation has, and what an administrator gives somebody of it.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::users::User;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::webex::Webex;
use crate::world::{Account, Assignment, Directory, Licence, Units};

#[derive(Template)]
#[template(path = "hub/licenses.html")]
struct Licences {
    frame: Frame,
    licences: Vec<(String, Units)>,
}

/// A licence that somebody has.
pub(super) struct Held {
    pub(super) id: String,
    pub(super) name: String,
    /// Of one for calling: the number, the extension and the location.
    pub(super) line: String,
}

/// A licence that somebody could get.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) left: usize,
}

pub(super) async fn list(webex: Webex, person: SignedIn) -> Page {
    let state = webex.state();
    let licences = Licence::all().map(|licence| (name(licence), state.directory.units(person.home(), licence)));
    let licences = licences.collect();
    Page::new(&Licences { frame: Frame::hub(person, "/hub/licenses"), licences })
}

/// Form fields: `license`; for calling `extension` and `location` too.
pub(super) async fn give(
    webex: Webex,
    person: SignedIn,
    Path(id): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let now = webex.now();
    let mut state = webex.state();
    let home = person.home();
    let user = User::find(&state, person, &id)?;
    let licence = fields.get("license").and_then(|id| Licence::of(home, id)).ok_or_else(Problem::nothing_here)?;
    let calling = licence.is_calling();
    let place = fields.get("location").filter(|_| calling).and_then(|id| state.directory.location_of(home, id));
    let wanted = Assignment {
        licence,
        number: None,
        extension: fields.get("extension").filter(|_| calling).map(|extension| extension.trim().to_owned()),
        location: place.map(|place| place.id),
    };
    match state.directory.give(user.account.id, &wanted, now) {
        Ok(()) => Ok(back_to(&user)),
        Err(error) => {
            let page = user.refused(&fields, error.to_string());
            Ok(Page::new(&page).leading_to(StatusCode::BAD_REQUEST, "").into_response())
        }
    }
}

/// Form field: `license`.
pub(super) async fn take(
    webex: Webex,
    person: SignedIn,
    Path(id): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let now = webex.now();
    let mut state = webex.state();
    let home = person.home();
    let user = User::find(&state, person, &id)?;
    let licence = fields.get("license").and_then(|id| Licence::of(home, id)).ok_or_else(Problem::nothing_here)?;
    state.directory.take(user.account.id, licence, now);
    Ok(back_to(&user))
}

/// The licences that a person has.
pub(super) fn held(directory: &Directory, account: &Account) -> Vec<Held> {
    let line = |licence: Licence| {
        let calling = account.calling.as_ref().filter(|calling| calling.licence == licence);
        calling.map_or_else(String::new, |calling| {
            let extension = calling.extension.as_ref().map(|extension| format!("extension {extension}"));
            let place = directory.location(account.organisation, calling.location).map(|place| place.name.clone());
            [calling.number.clone(), extension, place].into_iter().flatten().collect::<Vec<_>>().join(", ")
        })
    };
    let held = account.licences.iter();
    held.map(|licence| Held { id: licence.id(account.organisation), name: name(licence), line: line(licence) })
        .collect()
}

/// The licences that a person does not have.
pub(super) fn offered(directory: &Directory, account: &Account) -> Vec<Offered> {
    let others = Licence::all().filter(|licence| !account.licences.has(*licence));
    others
        .map(|licence| {
            let units = directory.units(account.organisation, licence);
            let left = units.total.saturating_sub(units.consumed);
            Offered { id: licence.id(account.organisation), name: name(licence), left }
        })
        .collect()
}

/// Two subscriptions may sell the same licence.
fn name(licence: Licence) -> String {
    let namesakes = Licence::all().filter(|other| other.name() == licence.name()).count();
    if namesakes > 1 { format!("{} ({})", licence.name(), licence.subscription()) } else { licence.name().to_owned() }
}

fn back_to(user: &User) -> Response {
    redirect(StatusCode::SEE_OTHER, &format!("/hub/users/{}", user.id))
}
