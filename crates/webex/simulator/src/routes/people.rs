//! `/v1/people`.

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use jiff::Timestamp;
use lanyard_protocol::{Person, WebexId};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::Cursor;
use super::form::Form;
use super::refusal::Refusal;
use crate::webex::Webex;
use crate::world::{Account, organisation_id, webex_id};

const READ: [&str; 2] = ["spark:people_read", "spark-admin:people_read"];

/// `GET /people` asks for at most so many at once.
const LARGEST_PAGE: usize = 1000;
const USUAL_PAGE: usize = 100;

/// The documented limit of the parameter `id`.
const MOST_IDS: usize = 85;

pub(super) async fn me(caller: Caller) -> Result<Json<View>, Refusal> {
    caller.needs_any(&READ)?;
    Ok(Json(View::of(&caller.account)))
}

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let account = person_id(&id).and_then(|id| state.directory.account(id));
    let ours = |account: &&std::sync::Arc<Account>| account.organisation == caller.account.organisation;
    let account = account.filter(ours).ok_or(Refusal::NotFound)?;
    Ok(Json(View::of(account)))
}

/// People by address, by the start of a name or by id; an administrator may list everyone.
pub(super) async fn list(
    State(webex): State<Webex>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Refusal> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let filter = Filter::of(&query)?;
    filter.permitted_to(&caller)?;
    let size = page_size(&query)?;
    let cursor = Cursor::of(&query)?;

    let state = webex.state();
    let everyone = || state.directory.listed_in(caller.account.organisation);
    let found = everyone().filter(|account| filter.fits(account));
    let (page, next) = cursor.page(found, size, state.behaviour.empty_pages);
    let items: Vec<_> = page.into_iter().map(|account| View::of(account)).collect();
    let not_found = filter.not_found(|id| everyone().any(|account| account.webex_id().as_str() == id));
    let body = json!({ "notFoundIds": not_found, "items": items });
    let mut response = Json(body).into_response();
    if let Some(link) = next.and_then(|next| next.link(&webex, "/people", &query).parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// Which people a list is about.
enum Filter {
    Everyone,
    /// Lower case.
    Email(String),
    /// Lower case.
    NameStart(String),
    Ids(Vec<String>),
}

impl Filter {
    fn of(query: &Form) -> Result<Self, Refusal> {
        if let Some(email) = query.get("email") {
            return Ok(Self::Email(email.trim().to_ascii_lowercase()));
        }
        if let Some(ids) = query.get("id") {
            let ids: Vec<_> = ids.split(',').map(|id| id.trim().trim_end_matches('=').to_owned()).collect();
            if ids.len() > MOST_IDS {
                return Err(Refusal::BadRequest(format!("id takes at most {MOST_IDS} ids.")));
            }
            return Ok(Self::Ids(ids));
        }
        Ok(query.get("displayName").map_or(Self::Everyone, |start| Self::NameStart(start.to_lowercase())))
    }

    fn permitted_to(&self, caller: &Caller) -> Result<(), Refusal> {
        match self {
            Self::Email(_) => caller.needs_any(&READ),
            _ if caller.is_bot() => Err(Refusal::Forbidden),
            Self::NameStart(_) | Self::Ids(_) => caller.needs_any(&READ),
            Self::Everyone => caller.needs_any(&["spark-admin:people_read"]),
        }
    }

    fn fits(&self, account: &Account) -> bool {
        match self {
            Self::Everyone => account.signs_in,
            Self::Email(email) => &account.email == email,
            Self::NameStart(start) => account.display_name.to_lowercase().starts_with(start),
            Self::Ids(ids) => ids.iter().any(|id| id == account.webex_id().as_str()),
        }
    }

    /// The ids asked for that no one has; none for other filters.
    fn not_found(&self, known: impl Fn(&str) -> bool) -> Vec<&str> {
        match self {
            Self::Ids(ids) => ids.iter().map(String::as_str).filter(|id| !known(id)).collect(),
            Self::Everyone | Self::Email(_) | Self::NameStart(_) => Vec::new(),
        }
    }
}

/// Too large a page is clamped in silence.
fn page_size(query: &Form) -> Result<usize, Refusal> {
    let largest = match (query.get("locationId"), query.get("callingData")) {
        (Some(_), _) => 50,
        (None, Some("true")) => 100,
        (None, _) => LARGEST_PAGE,
    };
    let size = match query.get("max") {
        None => USUAL_PAGE,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("max is a number.".into()))?,
    };
    Ok(size.clamp(1, largest))
}

/// A person as Webex shows them, with what the reference has beyond the fields that the protocol knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    #[serde(flatten)]
    person: Person,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    nick_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    phone_numbers: [Value; 0],
    roles: Vec<String>,
    licenses: [Value; 0],
    created: String,
    last_modified: String,
    timezone: &'static str,
    status: &'static str,
    /// Texts both, in the reference and in its examples.
    invite_pending: &'static str,
    login_enabled: &'static str,
}

impl View {
    fn of(account: &Account) -> Self {
        let name = account.first_name.as_ref().unwrap_or(&account.display_name);
        Self {
            person: Person {
                id: account.webex_id(),
                emails: vec![account.email.clone()],
                display_name: account.display_name.clone(),
                org_id: Some(organisation_id(account.organisation)),
                person_type: account.kind.clone(),
            },
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            nick_name: name.clone(),
            title: account.title.clone(),
            phone_numbers: [],
            roles: if account.administrator { vec![webex_id("ROLE", FULL_ADMINISTRATOR)] } else { Vec::new() },
            licenses: [],
            created: date(account.created),
            last_modified: date(account.created),
            timezone: "Etc/UTC",
            status: "active",
            invite_pending: "false",
            login_enabled: if account.signs_in { "true" } else { "false" },
        }
    }
}

/// The role of a full administrator; its id is the simulator's own.
const FULL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x96ab_c2aa_3dcc_41e5_a152_fe34_819c_dc9a);

/// A time as Webex writes it: UTC with milliseconds.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(super) fn person_id(text: &str) -> Option<Uuid> {
    let id = WebexId::decode(text).ok()?;
    (id.kind == "PEOPLE").then(|| id.value.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_clamped() {
        let size = |query: &str| page_size(&Form::parse(query.as_bytes()));
        assert_eq!(size(""), Ok(100));
        assert_eq!(size("max=5000"), Ok(1000));
        assert_eq!(size("max=0"), Ok(1));
        assert_eq!(size("max=500&callingData=true"), Ok(100));
        assert!(size("max=many").is_err());
    }

    #[test]
    fn a_date_has_milliseconds() {
        assert_eq!(date(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
