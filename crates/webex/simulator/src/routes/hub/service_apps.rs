//! Service apps that ask to be authorised in the organisation, and those that are.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lanyard_protocol::AppClientId;
use uuid::Uuid;

use crate::routes::desk::{Frame, ShownOnce, SignedIn};
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::permission::{Permission, describe};
use crate::webex::{State as Everything, Webex};

#[derive(Template)]
#[template(path = "hub/service_apps.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
}

pub(super) struct Row {
    client: AppClientId,
    application: String,
    name: String,
    /// Else it waits for an answer.
    pub(super) authorised: bool,
}

#[derive(Template)]
#[template(path = "hub/service_app.html")]
struct ServiceApp {
    frame: Frame,
    row: Row,
    permissions: Vec<Permission>,
}

/// Those that concern an organisation; what waits comes first.
pub(super) fn rows(state: &Everything, organisation: Uuid) -> Vec<Row> {
    let concerned = state.issuer.applications().iter().filter_map(|(id, application)| {
        let authorised = application.authorised.contains(&organisation);
        let app = state.issuer.app(&application.client)?;
        (authorised || application.requested.contains(&organisation)).then(|| Row {
            client: application.client.clone(),
            application: id.clone(),
            name: app.name.clone(),
            authorised,
        })
    });
    let mut rows: Vec<_> = concerned.collect();
    rows.sort_by(|one, other| (one.authorised, &one.name).cmp(&(other.authorised, &other.name)));
    rows
}

pub(super) async fn list(webex: Webex, person: SignedIn) -> Page {
    let rows = rows(&webex.state(), person.home());
    Page::new(&List { frame: Frame::hub(person, "/hub/apps/service-apps"), rows })
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let state = webex.state();
    let row = find(&state, &person, &client)?;
    let app = state.issuer.app(&row.client).ok_or_else(Problem::nothing_here)?;
    let permissions = app.scopes.iter().map(describe).collect();
    Ok(Page::new(&ServiceApp { frame: Frame::hub(person, "/hub/apps/service-apps"), row, permissions }))
}

pub(super) async fn authorise(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Response, Problem> {
    let row = find(&webex.state(), &person, &client)?;
    webex.authorise_service_app(&row.application, person.home()).ok_or_else(Problem::nothing_here)?;
    Ok(back_to(&row))
}

/// Issues a new pair of tokens for the app in this organisation and shows it once, as Control Hub's "Get a token" does. Earlier tokens
/// stay valid.
pub(super) async fn token(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Response, Problem> {
    let row = find(&webex.state(), &person, &client)?;
    let home = person.home();
    let minted = webex.decide(|issuer, _, terms| {
        let secret = issuer.app(&row.client)?.secret.clone();
        issuer.mint_application(&row.application, &row.client, &secret, Some(home), terms).ok()
    });
    let Some(reply) = minted else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "No token was issued.",
            "The app must be authorized, and may have at most 750 live access tokens in an organization.",
        )
        .with_way("/hub/apps/service-apps", "Back to service apps"));
    };
    let back = format!("/hub/apps/service-apps/{}", row.client);
    let page = ShownOnce {
        frame: Frame::hub(person, "/hub/apps/service-apps"),
        title: "The service app's tokens",
        warning: "Copy them now. Tokens that were issued earlier keep working.",
        values: &[("Refresh token", reply.refresh.expose_secret()), ("Access token", reply.access.expose_secret())],
        back: (&back, "Back to the service app"),
    };
    Ok(Page::scripted(&page).into_response())
}

/// The app is listed no more: whoever wants it back requests it again.
pub(super) async fn withdraw(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Response, Problem> {
    let row = find(&webex.state(), &person, &client)?;
    webex.withdraw_service_app(&row.application, person.home()).ok_or_else(Problem::nothing_here)?;
    Ok(redirect(StatusCode::SEE_OTHER, "/hub/apps/service-apps"))
}

fn find(state: &Everything, person: &SignedIn, client: &str) -> Result<Row, Problem> {
    let found = rows(state, person.home()).into_iter().find(|row| row.client.as_str() == client);
    found.ok_or_else(Problem::nothing_here)
}

fn back_to(row: &Row) -> Response {
    redirect(StatusCode::SEE_OTHER, &format!("/hub/apps/service-apps/{}", row.client))
}
