//! The organisation's people.

use askama::Template;
use axum::extract::{Extension, OriginalUri, Path, State};

use super::paging::Paged;
use crate::routes::desk::Frame;
use crate::routes::form::Form;
use crate::routes::page::{Page, Problem};
use crate::routes::people::person_id;
use crate::routes::session::SignedIn;
use crate::webex::Webex;
use crate::world::Account;

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
}

#[derive(Template)]
#[template(path = "hub/user.html")]
struct User<'a> {
    frame: Frame,
    account: &'a Account,
    id: &'a str,
}

pub(super) async fn list(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    OriginalUri(uri): OriginalUri,
) -> Page {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let state = webex.state();
    let all = state.directory.listed_in(person.home()).filter(|account| account.signs_in);
    let holds = |account: &&std::sync::Arc<Account>, wanted: &str| {
        account.display_name.to_lowercase().contains(wanted) || account.email.contains(wanted)
    };
    let page = Paged::of(&query, "/hub/users", all, holds, |account| Row {
        id: account.webex_id().to_string(),
        name: account.display_name.clone(),
        email: account.email.clone(),
        title: account.profile.title.clone().unwrap_or_default(),
        administrator: account.administrator,
    });
    Page::new(&Users { frame: Frame::hub(person, "/hub/users"), page })
}

pub(super) async fn show(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Result<Page, Problem> {
    let state = webex.state();
    let account = person_id(&id).and_then(|id| state.directory.account(id));
    let ours = account.filter(|account| account.organisation == person.home() && account.signs_in);
    let account = ours.ok_or_else(Problem::nothing_here)?;
    let id = account.webex_id();
    Ok(Page::new(&User { frame: Frame::hub(person, "/hub/users"), account, id: id.as_str() }))
}
