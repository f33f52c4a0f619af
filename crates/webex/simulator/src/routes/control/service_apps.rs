//! Service apps, and the administrators who authorise and withdraw them.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use lanyard_protocol::{AppClientId, OrgId, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::endpoint::{Body, Created};
use super::grants::Ended;
use super::{Mistake, scopes};
use crate::deeds::Authorised;
use crate::webex::Webex;
use crate::world::{organisation_id, organisation_of};

#[derive(Serialize, JsonSchema)]
pub(super) struct Organisation {
    #[schemars(with = "String")]
    id: OrgId,
    name: String,
    admin: Administrator,
}

#[derive(Serialize, JsonSchema)]
struct Administrator {
    email: String,
}

/// All organisations, the first one first.
pub(super) async fn organisations(webex: Webex) -> Json<Vec<Organisation>> {
    let state = webex.state();
    let all = state.directory.all().map(|(id, name, administrator)| Organisation {
        id: organisation_id(id),
        name: name.to_owned(),
        admin: Administrator { email: administrator.email.clone() },
    });
    Json(all.collect())
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ServiceApp {
    application_id: String,
    #[schemars(with = "String")]
    client_id: AppClientId,
    /// The ids of the organisations.
    #[schemars(with = "Vec<String>")]
    authorised_in: Vec<OrgId>,
}

pub(super) async fn list(webex: Webex) -> Json<Vec<ServiceApp>> {
    let state = webex.state();
    let all = state.issuer.applications().iter().map(|(id, application)| ServiceApp {
        application_id: id.clone(),
        client_id: application.client.clone(),
        authorised_in: application.authorised.iter().map(|id| organisation_id(*id)).collect(),
    });
    Json(all.collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewServiceApp", example = json!({ "name": "Fleet", "scopes": ["spark-admin:devices_read"] }))]
pub(super) struct Registration {
    name: Option<String>,
    scopes: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RegisteredServiceApp")]
pub(super) struct Registered {
    application_id: String,
    #[schemars(with = "String")]
    client_id: AppClientId,
    /// Shown once.
    client_secret: String,
    scopes: Vec<String>,
}

/// Registers a service app that nobody has authorised yet.
pub(super) async fn register(
    webex: Webex,
    Body(registration): Body<Registration>,
) -> Result<Created<Registered>, Mistake> {
    let scopes = scopes(&registration.scopes)?;
    let name = registration.name.unwrap_or_else(|| "Service App".to_owned());
    let (application_id, client_id, secret) = webex.register_service_app(None, name, scopes.clone());
    Ok(Created(Registered {
        application_id,
        client_id,
        client_secret: secret.expose_secret().to_owned(),
        scopes: scopes.iter().map(Scope::to_string).collect(),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TargetOrganisation", example = json!({}))]
pub(super) struct Where {
    /// The first organisation if it is omitted.
    pub(super) organisation_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Authorisation {
    /// As the developer portal shows it after the authorisation.
    refresh_token: String,
    #[schemars(with = "String")]
    organisation_id: OrgId,
}

/// Authorises a service app, as an administrator does in Control Hub. Returns a refresh token, which the developer portal shows
/// afterwards.
pub(super) async fn authorise(
    webex: Webex,
    Path(id): Path<String>,
    Body(asked): Body<Where>,
) -> Result<Json<Authorisation>, Mistake> {
    let target = target(&webex.state().directory, &asked)?;
    let Authorised { client, machine, scopes } =
        webex.authorise_service_app(&id, target).ok_or_else(|| unknown(&id))?;
    let refresh = webex.decide(|issuer, _, terms| issuer.authorise_service_app(client, machine, scopes, terms));
    let organisation_id = organisation_id(target);
    Ok(Json(Authorisation { refresh_token: refresh.expose_secret().to_owned(), organisation_id }))
}

/// Ends all tokens of the app in that organisation.
pub(super) async fn withdraw(
    webex: Webex,
    Path(id): Path<String>,
    Body(asked): Body<Where>,
) -> Result<Json<Ended>, Mistake> {
    let target = target(&webex.state().directory, &asked)?;
    let ended = webex.withdraw_service_app(&id, target).ok_or_else(|| unknown(&id))?;
    Ok(Json(Ended { ended }))
}

pub(super) fn target(directory: &crate::world::Directory, asked: &Where) -> Result<Uuid, Mistake> {
    let Some(id) = &asked.organisation_id else { return Ok(directory.id) };
    let found = organisation_of(id).filter(|wanted| directory.all().any(|(id, ..)| id == *wanted));
    found.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("there is no organisation {id}")))
}

fn unknown(id: &str) -> Mistake {
    Mistake(StatusCode::NOT_FOUND, format!("there is no service app {id} that is authorised there"))
}
