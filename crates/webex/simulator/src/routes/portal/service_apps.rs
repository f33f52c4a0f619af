//! Service apps: made, put before the administrators of an organisation, and given tokens once they said yes.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lanyard_secret::ClientSecret;

use super::OwnApp;
use super::apps::{AppForm, AppPage};
use crate::issuer::MintRefusal;
use crate::routes::desk::{Frame, ShownOnce, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::permission::{Permission, describe};
use crate::webex::{State as Everything, Webex};
use crate::world::{organisation_id, organisation_of};

#[derive(Template)]
#[template(path = "portal/service_app.html")]
struct ServiceApp {
    frame: Frame,
    app: OwnApp,
    application: String,
    permissions: Vec<Permission>,
    organisations: Vec<Standing>,
    problem: &'static str,
}

/// How an app stands with an organisation.
struct Standing {
    id: String,
    name: String,
    requested: bool,
    authorised: bool,
}

impl ServiceApp {
    fn find(state: &Everything, person: SignedIn, client: &str) -> Result<Self, Problem> {
        let app = OwnApp::find(state, &person, client)?;
        let application = app.application.clone().ok_or_else(Problem::nothing_here)?;
        let known = state.issuer.applications().get(&application).ok_or_else(Problem::nothing_here)?;
        let standing = |(id, name, _): (_, &str, _)| Standing {
            id: organisation_id(id).to_string(),
            name: name.to_owned(),
            requested: known.requested.contains(&id),
            authorised: known.authorised.contains(&id),
        };
        let mut organisations: Vec<_> = state.directory.all().collect();
        // One's own organisation first: it is the one that most apps are for.
        organisations.sort_by_key(|(id, ..)| *id != person.home());
        let organisations = organisations.into_iter().map(standing).collect();
        let permissions = app.scopes.iter().map(describe).collect();
        let frame = Frame::portal(person, "/portal");
        Ok(Self { frame, app, application, permissions, organisations, problem: "" })
    }

    fn is_authorised_anywhere(&self) -> bool {
        self.organisations.iter().any(|standing| standing.authorised)
    }
}

pub(super) async fn form(person: SignedIn) -> Page {
    Page::scripted(&AppPage::new(new(person), true, AppForm::default()))
}

pub(super) async fn create(webex: Webex, person: SignedIn, Fields(fields): Fields) -> Response {
    let form = AppForm::read(&fields, true);
    if !form.is_right() {
        return Page::scripted(&AppPage::new(new(person), true, form)).leading_to(StatusCode::BAD_REQUEST, "");
    }
    let (application, client, secret) = webex.register_service_app(Some(person.account.id), form.name, form.scopes);
    let path = format!("/portal/service-apps/{client}");
    let page = ShownOnce {
        frame: new(person),
        title: "Your service app is ready",
        warning: "Copy the client secret now: it is needed to generate tokens and to refresh them. If it is lost, it can only be \
                  regenerated.",
        values: &[
            ("Client secret", secret.expose_secret()),
            ("Client ID", client.as_str()),
            ("Application ID", &application),
        ],
        back: (&path, "Go to the service app"),
    };
    Page::scripted(&page).into_response()
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    Ok(Page::new(&ServiceApp::find(&webex.state(), person, &client)?))
}

/// Form field: `organisation`.
pub(super) async fn request(
    webex: Webex,
    person: SignedIn,
    Path(client): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let page = ServiceApp::find(&webex.state(), person, &client)?;
    let wanted = fields.get("organisation").filter(|id| page.organisations.iter().any(|standing| standing.id == **id));
    let organisation = wanted.and_then(organisation_of).ok_or_else(Problem::nothing_here)?;
    webex.request_authorisation(&page.application, organisation);
    Ok(redirect(StatusCode::SEE_OTHER, &format!("/portal/service-apps/{}", page.app.client)))
}

/// Form fields: `organisation`, `client_secret`.
pub(super) async fn tokens(
    webex: Webex,
    person: SignedIn,
    Path(client): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let page = ServiceApp::find(&webex.state(), person, &client)?;
    let organisation = fields.get("organisation").and_then(organisation_of);
    let secret = ClientSecret::new(fields.get("client_secret").unwrap_or_default().trim());
    let minted = webex.decide(|issuer, _, terms| {
        issuer.mint_application(&page.application, &page.app.client, &secret, organisation, terms)
    });
    let reply = match minted {
        Ok(reply) => reply,
        Err(refusal) => {
            let problem = match refusal {
                MintRefusal::WrongClient | MintRefusal::Unknown => "The client secret is wrong.",
                MintRefusal::NotAuthorised => "No administrator of this organization has authorized the app.",
                MintRefusal::TooManyTokens => "The app has too many live access tokens in this organization.",
            };
            return Ok(Page::new(&ServiceApp { problem, ..page }).leading_to(StatusCode::BAD_REQUEST, ""));
        }
    };
    let path = format!("/portal/service-apps/{}", page.app.client);
    let page = ShownOnce {
        frame: page.frame,
        title: "The service app's tokens",
        warning: "Copy them now. Tokens that were generated earlier keep working.",
        values: &[("Refresh token", reply.refresh.expose_secret()), ("Access token", reply.access.expose_secret())],
        back: (&path, "Back to the service app"),
    };
    Ok(Page::scripted(&page).into_response())
}

fn new(person: SignedIn) -> Frame {
    Frame::portal(person, "/portal/service-apps/new")
}
