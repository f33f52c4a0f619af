//! The developer portal, `/portal`: a person's apps, where they are made and where their secrets are shown.

mod apps;
mod bots;
mod home;
mod integrations;
mod service_apps;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use lanyard_protocol::{AppClientId, ScopeSet};
use uuid::Uuid;

use super::page::Problem;
use super::session::person;
use crate::routes::desk::SignedIn;
use crate::webex::{State as Everything, Webex};

/// Everything under `/portal`; who is not signed in is sent to sign in.
pub(super) fn router(webex: Webex) -> Router<Webex> {
    Router::new()
        .route("/", get(home::show))
        .route("/personal-token", post(home::personal_token))
        .route("/bots/new", get(bots::form).post(bots::create))
        .route("/bots/{email}", get(bots::show))
        .route("/bots/{email}/regenerate", get(bots::ask).post(bots::regenerate))
        .route("/integrations/new", get(integrations::form).post(integrations::create))
        .route("/integrations/{client}", get(integrations::show))
        .route("/integrations/{client}/edit", get(apps::form).post(apps::change))
        .route("/integrations/{client}/secret", get(apps::ask).post(apps::replace))
        .route("/service-apps/new", get(service_apps::form).post(service_apps::create))
        .route("/service-apps/{client}", get(service_apps::show))
        .route("/service-apps/{client}/edit", get(apps::form).post(apps::change))
        .route("/service-apps/{client}/request", post(service_apps::request))
        .route("/service-apps/{client}/tokens", post(service_apps::tokens))
        .route("/service-apps/{client}/secret", get(apps::ask).post(apps::replace))
        .fallback(async || Problem::nothing_here())
        .layer(from_fn_with_state(webex, person))
}

/// Whether a thing is this person's: what nobody made belongs to the first administrator.
fn owns(state: &Everything, person: &SignedIn, owner: Option<Uuid>) -> bool {
    match owner {
        Some(owner) => owner == person.account.id,
        None => state.directory.administrator().id == person.account.id,
    }
}

/// One of a person's apps.
struct OwnApp {
    client: AppClientId,
    /// A service app's application id.
    application: Option<String>,
    name: String,
    redirect_uris: Vec<String>,
    scopes: ScopeSet,
}

impl OwnApp {
    fn find(state: &Everything, person: &SignedIn, client: &str) -> Result<Self, Problem> {
        let client = AppClientId::new(client);
        let app = state.issuer.app(&client).filter(|app| owns(state, person, app.owner));
        let app = app.ok_or_else(Problem::nothing_here)?;
        Ok(Self {
            application: state.issuer.application_of(&client).map(str::to_owned),
            name: app.name.clone(),
            redirect_uris: app.redirect_uris.clone(),
            scopes: app.scopes.clone(),
            client,
        })
    }

    fn path(&self) -> String {
        let folder = if self.application.is_some() { "service-apps" } else { "integrations" };
        format!("/portal/{folder}/{}", self.client)
    }
}
