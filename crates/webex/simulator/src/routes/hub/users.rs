//! The organisation's people.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::licences::{Held, Offered, held, offered};
use super::paging::Paged;
use crate::form::Form;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::webex::{State as Everything, Webex};
use crate::world::{Account, Assignment, Licence, person_of};

#[derive(Template)]
#[template(path = "hub/users.html")]
struct Users {
    frame: Frame,
    page: Paged<Row>,
}

struct Row {
    id: String,
    name: String,
    email: String,
    title: String,
    administrator: bool,
    standing: &'static str,
}

/// A person, with what an administrator gives them.
#[derive(Template)]
#[template(path = "hub/user.html")]
pub(super) struct User {
    frame: Frame,
    pub(super) account: Arc<Account>,
    pub(super) id: String,
    standing: &'static str,
    held: Vec<Held>,
    offered: Vec<Offered>,
    /// Ids and names.
    locations: Vec<(String, String)>,
    /// The values that were entered for a refused licence; `problem` has the reason.
    wanted: Wanted,
    problem: String,
}

/// As it was typed and chosen.
#[derive(Default)]
struct Wanted {
    licence: String,
    extension: String,
    location: String,
}

impl User {
    pub(super) fn find(state: &Everything, person: SignedIn, id: &str) -> Result<Self, Problem> {
        let account = person_of(id).and_then(|id| state.directory.account(id));
        let ours = account.filter(|account| account.organisation == person.home() && account.is_member());
        let account = Arc::clone(ours.ok_or_else(Problem::nothing_here)?);
        Ok(Self {
            frame: Frame::hub(person, "/hub/users"),
            id: account.webex_id().to_string(),
            standing: standing(&account),
            held: held(&state.directory, &account),
            offered: offered(&state.directory, &account),
            locations: state
                .directory
                .locations(account.organisation)
                .filter(|place| place.calling.is_some())
                .map(|place| (place.webex_id(), place.name.clone()))
                .collect(),
            account,
            wanted: Wanted::default(),
            problem: String::new(),
        })
    }

    /// The page again, as it was filled in, with what is wrong.
    pub(super) fn refused(self, fields: &Form, problem: String) -> Self {
        let text = |name| fields.get(name).unwrap_or_default().to_owned();
        let wanted = Wanted { licence: text("license"), extension: text("extension"), location: text("location") };
        Self { wanted, problem, ..self }
    }
}

pub(super) async fn list(webex: Webex, person: SignedIn, query: Form) -> Page {
    let state = webex.state();
    let all = state.directory.listed_in(person.home()).filter(|account| account.is_member());
    let holds = |account: &&Arc<Account>, wanted: &str| {
        account.display_name.to_lowercase().contains(wanted) || account.email.contains(wanted)
    };
    let page = Paged::of(&query, "/hub/users", all, holds, |account| Row {
        id: account.webex_id().to_string(),
        name: account.display_name.clone(),
        email: account.email.clone(),
        title: account.profile.title.clone().unwrap_or_default(),
        administrator: account.administrator,
        standing: standing(account),
    });
    Page::new(&Users { frame: Frame::hub(person, "/hub/users"), page })
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(id): Path<String>) -> Result<Page, Problem> {
    Ok(Page::new(&User::find(&webex.state(), person, &id)?))
}

fn standing(account: &Account) -> &'static str {
    match (account.signs_in, account.invited) {
        (false, _) => "Inactive",
        (true, true) => "Invited",
        (true, false) => "Active",
    }
}

/// Form fields: `license`; for calling `extension` and `location` too.
pub(super) async fn give_licence(
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
pub(super) async fn take_licence(
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

fn back_to(user: &User) -> Response {
    redirect(StatusCode::SEE_OTHER, &format!("/hub/users/{}", user.id))
}
