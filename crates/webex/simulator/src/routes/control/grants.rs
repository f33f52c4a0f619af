//! Looking at grants, and ending them.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::AppClientId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Mistake, body};
use crate::issuer::{GrantView, Selection};
use crate::webex::Webex;

#[derive(Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    grant: GrantView,
    subject: Subject,
}

/// Whom a grant's tokens act as.
#[derive(Serialize)]
struct Subject {
    id: Option<String>,
    email: Option<String>,
}

pub(super) async fn list(State(webex): State<Webex>) -> Json<Vec<View>> {
    webex.decide(|issuer, directory, terms| {
        let views = issuer.grants(terms.now).into_iter().map(|grant| {
            let account = directory.account(grant.account);
            View {
                subject: Subject {
                    id: account.map(|account| account.webex_id().as_str().to_owned()),
                    email: account.map(|account| account.email.clone()),
                },
                grant,
            }
        });
        Json(views.collect())
    })
}

/// Which grants are meant; every criterion given must fit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    client_id: Option<AppClientId>,
    /// An address.
    subject: Option<String>,
    refresh_token_fingerprint: Option<String>,
}

/// Ends grants with all their tokens.
pub(super) async fn revoke(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let selection = selection(&webex, &text)?;
    let ended = webex.decide(|issuer, _, _| issuer.end_grants(&selection));
    Ok(Json(json!({"ended": ended})))
}

/// Ends access tokens and leaves their grants.
pub(super) async fn revoke_access_tokens(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let selection = selection(&webex, &text)?;
    let revoked = webex.decide(|issuer, _, _| issuer.end_access_tokens(&selection));
    Ok(Json(json!({"revoked": revoked})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    client_id: AppClientId,
    by_ms: u64,
}

/// Makes the access tokens that an app holds older than they are, and leaves their ends.
pub(super) async fn age_access_tokens(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let age: Age = body(&text)?;
    let by = std::time::Duration::from_millis(age.by_ms);
    let aged = webex.decide(|issuer, _, _| issuer.age_access_tokens(&age.client_id, by));
    Ok(Json(json!({"aged": aged})))
}

/// No criterion at all would end everything, which is hardly ever meant.
fn selection(webex: &Webex, text: &Bytes) -> Result<Selection, Mistake> {
    let which: Which = body(text)?;
    let account = match &which.subject {
        None => None,
        Some(email) => {
            let state = webex.state();
            let account = state.directory.by_email(email);
            Some(
                account
                    .map(|account| account.id)
                    .ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("no account has the address {email}")))?,
            )
        }
    };
    if account.is_none() && which.client_id.is_none() && which.refresh_token_fingerprint.is_none() {
        return Err(Mistake::bad(&"say which: client_id, subject or refresh_token_fingerprint"));
    }
    Ok(Selection { client: which.client_id, account, refresh_token_fingerprint: which.refresh_token_fingerprint })
}
