//! Looking at grants, and ending them.

use axum::Json;
use http::StatusCode;
use lanyard_protocol::AppClientId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Mistake;
use super::endpoint::Body;
use crate::issuer::{GrantView, Selection};
use crate::webex::Webex;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
pub(super) struct View {
    #[serde(flatten)]
    grant: GrantView,
    subject: Subject,
}

/// The account that a grant's tokens act as.
#[derive(Serialize, JsonSchema)]
struct Subject {
    id: Option<String>,
    email: Option<String>,
}

pub(super) async fn list(webex: Webex) -> Json<Vec<View>> {
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

/// Selects grants by at least one criterion; those that meet all of them are selected.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GrantSelection", example = json!({ "refresh_token_fingerprint": "000000000000" }))]
pub(super) struct Which {
    #[schemars(with = "Option<String>")]
    client_id: Option<AppClientId>,
    /// The account's address.
    subject: Option<String>,
    /// The first 12 hexadecimal digits of the refresh token's SHA-256.
    refresh_token_fingerprint: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Ended {
    /// How many grants ended.
    pub(super) ended: usize,
}

/// Ends grants with all their tokens.
pub(super) async fn revoke(webex: Webex, Body(which): Body<Which>) -> Result<Json<Ended>, Mistake> {
    let selection = which.selection(&webex)?;
    let ended = webex.decide(|issuer, _, _| issuer.end_grants(&selection));
    Ok(Json(Ended { ended }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Revoked {
    /// How many access tokens were revoked.
    revoked: usize,
}

/// Ends access tokens and leaves their grants.
pub(super) async fn revoke_access_tokens(webex: Webex, Body(which): Body<Which>) -> Result<Json<Revoked>, Mistake> {
    let selection = which.selection(&webex)?;
    let revoked = webex.decide(|issuer, _, _| issuer.end_access_tokens(&selection));
    Ok(Json(Revoked { revoked }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ageing", example = json!({ "client_id": "C0", "by_ms": 1000 }))]
pub(super) struct Age {
    #[schemars(with = "String")]
    client_id: AppClientId,
    /// How much older its access tokens become.
    by_ms: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Aged {
    /// How many access tokens became older.
    aged: usize,
}

/// Makes the access tokens that an app holds older than they are, and leaves their ends.
pub(super) async fn age_access_tokens(webex: Webex, Body(age): Body<Age>) -> Result<Json<Aged>, Mistake> {
    let by = std::time::Duration::from_millis(age.by_ms);
    let aged = webex.decide(|issuer, _, _| issuer.age_access_tokens(&age.client_id, by));
    Ok(Json(Aged { aged }))
}

impl Which {
    /// No criterion at all would end everything, which is hardly ever meant.
    fn selection(self, webex: &Webex) -> Result<Selection, Mistake> {
        let found = self.subject.as_ref().map(|email| {
            let state = webex.state();
            let account = state.directory.by_email(email).map(|account| account.id);
            account.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("no account has the address {email}")))
        });
        let account = found.transpose()?;
        if account.is_none() && self.client_id.is_none() && self.refresh_token_fingerprint.is_none() {
            return Err(Mistake::bad(&"say which: client_id, subject or refresh_token_fingerprint"));
        }
        Ok(Selection { client: self.client_id, account, refresh_token_fingerprint: self.refresh_token_fingerprint })
    }
}
