//! Integrations that people of the organisation have allowed to act for them, and what is blocked.

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::AppClientId;

use crate::routes::desk::{Confirm, Frame};
use crate::routes::form::Form;
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::session::SignedIn;
use crate::webex::{State as Everything, Webex};

const HERE: &str = "/hub/apps/integrations";

#[derive(Template)]
#[template(path = "hub/integrations.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    all_blocked: bool,
}

struct Row {
    client: AppClientId,
    name: String,
    /// How many have consented.
    people: usize,
    /// On its own, not only with all the others.
    blocked: bool,
}

pub(super) async fn list(State(webex): State<Webex>, Extension(person): Extension<SignedIn>) -> Page {
    let now = webex.now();
    let state = webex.state();
    let blocked = state.issuer.blocked_in(person.home());
    let mut people = state.issuer.consented_in(person.home(), now);
    for client in &blocked.clients {
        people.entry(client.clone()).or_insert(0);
    }
    let mut rows: Vec<_> = people
        .into_iter()
        .map(|(client, people)| {
            let (name, blocked) = (name_of(&state, &client), blocked.clients.contains(&client));
            Row { client, name, people, blocked }
        })
        .collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Page::new(&List { frame: Frame::hub(person, HERE), rows, all_blocked: blocked.all })
}

/// Query: `client`; all of them where it is left out.
pub(super) async fn ask(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    query: Form,
) -> Result<Page, Problem> {
    let state = webex.state();
    let client = client(&state, &query)?;
    let (title, text) = match &client {
        Some(client) => (format!("Block {}?", name_of(&state, client)), BLOCK_ONE),
        None => ("Block all integrations?".to_owned(), BLOCK_ALL),
    };
    let hidden: Vec<_> = client.iter().map(|client| ("client", client.as_str())).collect();
    Ok(Page::new(&Confirm {
        frame: Frame::hub(person, HERE),
        title: &title,
        text,
        action: "/hub/apps/integrations/block",
        hidden: &hidden,
        button: if client.is_some() { "Yes, block it" } else { "Yes, block all" },
        back: HERE,
    }))
}

const BLOCK_ONE: &str = "Nobody of your organization can sign in to it any more, and the tokens that it holds for your people end at \
                         once. Allowing it again brings none of them back: everyone has to sign in anew.";
const BLOCK_ALL: &str = "Nobody of your organization can sign in to any integration any more, and all tokens that integrations hold \
                         for your people end at once. Allowing them again brings none back: everyone has to sign in anew.";

/// Form field: `client`; all of them where it is left out.
pub(super) async fn block(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    body: Bytes,
) -> Result<Response, Problem> {
    let client = client(&webex.state(), &Form::parse(&body))?;
    webex.block_integrations(person.home(), client.as_ref());
    Ok(redirect(StatusCode::SEE_OTHER, HERE))
}

/// Form field: `client`; all of them where it is left out.
pub(super) async fn allow(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    body: Bytes,
) -> Result<Response, Problem> {
    let client = client(&webex.state(), &Form::parse(&body))?;
    webex.unblock_integrations(person.home(), client.as_ref());
    Ok(redirect(StatusCode::SEE_OTHER, HERE))
}

fn client(state: &Everything, fields: &Form) -> Result<Option<AppClientId>, Problem> {
    let client = fields.get("client").map(AppClientId::new);
    match client {
        Some(client) if state.issuer.app(&client).is_none() => Err(Problem::nothing_here()),
        client => Ok(client),
    }
}

fn name_of(state: &Everything, client: &AppClientId) -> String {
    state.issuer.app(client).map_or_else(|| client.to_string(), |app| app.name.clone())
}
