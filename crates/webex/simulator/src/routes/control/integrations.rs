//! Workspace integrations in the control plane.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use lanyard_protocol::AppClientId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::endpoint::{Body, Created, Done};
use super::service_apps::{Where, target};
use super::{Mistake, scopes};
use crate::deeds::{Activated, Deed};
use crate::routes::integrations::state_word;
use crate::webex::Webex;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WorkspaceIntegration")]
pub(super) struct Shown {
    id: String,
    #[schemars(with = "String")]
    client_id: AppClientId,
    #[schemars(extend("enum" = ["in_progress", "completed", "removed"]))]
    provisioning_state: &'static str,
    /// Whether it has a queue.
    listens: bool,
    health_checks_answered: u64,
}

pub(super) async fn list(webex: Webex) -> Json<Vec<Shown>> {
    let state = webex.state();
    let all = state.integrations.iter().map(|(id, found)| Shown {
        id: id.to_string(),
        client_id: found.client.clone(),
        provisioning_state: state_word(found.state),
        listens: found.listens,
        health_checks_answered: found.health_checks_answered,
    });
    Json(all.collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewWorkspaceIntegration", example = json!({ "scopes": ["spark-admin:devices_read"] }))]
pub(super) struct Manifest {
    name: Option<String>,
    scopes: Vec<String>,
    /// The first organisation if it is omitted.
    organisation_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ActivatedWorkspaceIntegration")]
pub(super) struct Registered {
    id: String,
    #[schemars(with = "String")]
    client_id: AppClientId,
    /// Shown once.
    client_secret: String,
    /// A signed JSON Web Token; valid for 15 minutes.
    activation_code: String,
}

pub(super) async fn register(webex: Webex, Body(manifest): Body<Manifest>) -> Result<Created<Registered>, Mistake> {
    let Manifest { name, scopes: names, organisation_id } = manifest;
    let organisation = target(&webex.state().directory, &Where { organisation_id })?;
    let name = name.unwrap_or_else(|| "Workspace Integration".to_owned());
    let Activated { id, client, secret, code } = webex.add_workspace_integration(name, organisation, scopes(&names)?);
    Ok(Created(Registered {
        id: id.to_string(),
        client_id: client,
        client_secret: secret.expose_secret().to_owned(),
        activation_code: code,
    }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ActivationCode {
    /// A signed JSON Web Token; valid for 15 minutes.
    activation_code: String,
}

pub(super) async fn activate(webex: Webex, Path(id): Path<String>) -> Result<Json<ActivationCode>, Mistake> {
    let activated = id.parse().ok().and_then(|id| webex.activation_code(id));
    activated.map(|activation_code| Json(ActivationCode { activation_code })).ok_or_else(|| unknown(&id))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QueueMessage", example = json!({ "message": "healthCheck" }))]
pub(super) struct Message {
    message: Deed,
}

pub(super) async fn tell(webex: Webex, Path(id): Path<String>, Body(told): Body<Message>) -> Result<Done, Mistake> {
    let is_told = id.parse::<Uuid>().is_ok_and(|id| webex.tell_workspace_integration(id, told.message));
    if is_told { Ok(Done) } else { Err(unknown(&id)) }
}

fn unknown(id: &str) -> Mistake {
    Mistake(StatusCode::NOT_FOUND, format!("there is no workspace integration {id}"))
}
