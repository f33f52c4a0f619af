//! Integrations that people of the organisation have allowed to act for them, and what is blocked.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use uuid::Uuid;

use crate::form::Form;
use crate::routes::desk::{Confirm, Frame, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::permission::{Permission, describe};
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

#[derive(Template)]
#[template(path = "hub/integration.html")]
struct Integration {
    frame: Frame,
    row: Row,
    all_blocked: bool,
    /// The permissions that it is registered with.
    permissions: Vec<Permission>,
}

pub(super) async fn list(webex: Webex, person: SignedIn) -> Page {
    let now = webex.now();
    let state = webex.state();
    let rows = rows(&state, person.home(), now);
    let all_blocked = state.issuer.blocked_in(person.home()).all;
    Page::new(&List { frame: Frame::hub(person, HERE), rows, all_blocked })
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let now = webex.now();
    let state = webex.state();
    let mut rows = rows(&state, person.home(), now).into_iter();
    let row = rows.find(|row| row.client.as_str() == client).ok_or_else(Problem::nothing_here)?;
    let app = state.issuer.app(&row.client).ok_or_else(Problem::nothing_here)?;
    let permissions = app.scopes.iter().map(describe).collect();
    let all_blocked = state.issuer.blocked_in(person.home()).all;
    Ok(Page::new(&Integration { frame: Frame::hub(person, HERE), row, all_blocked, permissions }))
}

/// Those that people of an organisation have allowed, and those that are blocked there.
fn rows(state: &Everything, organisation: Uuid, now: Timestamp) -> Vec<Row> {
    let blocked = state.issuer.blocked_in(organisation);
    let mut people = state.issuer.consented_in(organisation, now);
    for client in &blocked.clients {
        people.entry(client.clone()).or_insert(0);
    }
    let mut rows: Vec<_> = people
        .into_iter()
        .map(|(client, people)| {
            let (name, blocked) = (name_of(state, &client), blocked.clients.contains(&client));
            Row { client, name, people, blocked }
        })
        .collect();
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    rows
}

/// Query: `client`; all of them where it is left out.
pub(super) async fn ask(webex: Webex, person: SignedIn, query: Form) -> Result<Page, Problem> {
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

const BLOCK_ONE: &str = "People in your organization can no longer sign in to it, and its tokens for them are revoked immediately. If \
                         you allow it again, everyone must sign in again.";
const BLOCK_ALL: &str = "People in your organization can no longer sign in to any integration, and the tokens that integrations hold \
                         for them are revoked immediately. If you allow them again, everyone must sign in again.";

/// Form field: `client`; all of them where it is left out.
pub(super) async fn block(webex: Webex, person: SignedIn, Fields(fields): Fields) -> Result<Response, Problem> {
    let client = client(&webex.state(), &fields)?;
    webex.block_integrations(person.home(), client.as_ref());
    Ok(redirect(StatusCode::SEE_OTHER, HERE))
}

/// Form field: `client`; all of them where it is left out.
pub(super) async fn allow(webex: Webex, person: SignedIn, Fields(fields): Fields) -> Result<Response, Problem> {
    let client = client(&webex.state(), &fields)?;
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
