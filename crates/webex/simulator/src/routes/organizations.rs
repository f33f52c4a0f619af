//! `/v1/organizations` and `/v1/roles`.

use axum::Json;
use axum::extract::Path;
use lanyard_protocol::Organization;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::extract::{Permitted, Scopes as _, scopes};
use super::people::role_id;
use super::refusal::{Refusal, Reply};
use crate::form::Form;
use crate::webex::Webex;
use crate::world::{Directory, date, organisation_id, organisation_of};

scopes! {
    Read = "spark-admin:organizations_read" | "spark:organizations_read";
    Roles = "spark-admin:roles_read";
}

/// All organisations that the account sees, its own first; never paged. A partner sees those that they manage.
pub(super) async fn list(webex: Webex, caller: Permitted<Read>, query: Form) -> Reply {
    let calling = Xsi::asked_for(&webex, &query);
    let state = webex.state();
    let organisations = state.directory.all().map(|(id, ..)| id);
    let managing = caller.has_any(&Read::ANY[..1]);
    let seen = organisations
        .filter(|id| *id == caller.account.organisation || managing && caller.sees(&state, *id))
        .map(|id| View::of(&state.directory, id, calling.clone()));
    Ok(Json(json!({ "items": seen.collect::<Vec<_>>() })))
}

pub(super) async fn show(
    webex: Webex,
    caller: Permitted<Read>,
    Path(id): Path<String>,
    query: Form,
) -> Reply<Json<View>> {
    let state = webex.state();
    let id = organisation_of(&id).filter(|id| caller.sees(&state, *id)).ok_or(Refusal::NotFound)?;
    let known = state.directory.all().any(|(known, ..)| known == id);
    if known {
        Ok(Json(View::of(&state.directory, id, Xsi::asked_for(&webex, &query))))
    } else {
        Err(Refusal::NotFound)
    }
}

#[derive(Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    organization: Organization,
    created: String,
    #[serde(flatten)]
    calling: Option<Xsi>,
}

/// Where Webex Calling's older interface is, which `callingData=true` adds [C: `wxc_sdk`]. It is named at this simulator, which does
/// not serve it, so that a program never takes a simulated token to Webex.
#[derive(Clone, Serialize)]
struct Xsi {
    #[serde(rename = "xsiActionsEndpoint")]
    actions: String,
    #[serde(rename = "xsiEventsEndpoint")]
    events: String,
    #[serde(rename = "xsiEventsChannelEndpoint")]
    channel: String,
    #[serde(rename = "xsiDomain")]
    domain: String,
}

impl Xsi {
    fn asked_for(webex: &Webex, query: &Form) -> Option<Self> {
        let origin = webex.setting().origin();
        let asked = query.get("callingData") == Some("true");
        asked.then(|| Self {
            actions: format!("{origin}/com.broadsoft.xsi-actions"),
            events: format!("{origin}/com.broadsoft.xsi-events"),
            channel: format!("{origin}/com.broadsoft.async"),
            domain: "calls.webex.example".to_owned(),
        })
    }
}

impl View {
    fn of(directory: &Directory, id: Uuid, calling: Option<Xsi>) -> Self {
        Self {
            organization: Organization { id: organisation_id(id), display_name: directory.name_of(id).to_owned() },
            created: date(directory.created),
            calling,
        }
    }
}

/// `GET /roles`: the only one that is simulated.
pub(super) async fn roles(_: Permitted<Roles>) -> Reply {
    Ok(Json(json!({ "items": [full_administrator()] })))
}

/// `GET /roles/{id}`.
pub(super) async fn role(_: Permitted<Roles>, Path(id): Path<String>) -> Reply {
    if id.trim_end_matches('=') == role_id() { Ok(Json(full_administrator())) } else { Err(Refusal::NotFound) }
}

fn full_administrator() -> Value {
    json!({ "id": role_id(), "name": "Full Administrator" })
}
