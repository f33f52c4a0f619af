//! `POST /idb/oauth2/v1/revoke`: the identity broker's revocation, in the way of RFC 7009.

use http::{HeaderMap, StatusCode};

use super::client_auth::Credentials;
use super::extract::Fields;
use super::refusal::{Refusal, Reply};
use crate::webex::Webex;

/// Answers 200 whether or not there was such a token (RFC 7009, section 2.2). The hint is a hint: both kinds are looked for.
pub(super) async fn revoke(webex: Webex, headers: HeaderMap, Fields(form): Fields) -> Reply<StatusCode> {
    webex.decide(|issuer, _, terms| {
        let client = Credentials::basic(&headers)?.check(issuer)?;
        let token = form.get("token").ok_or_else(|| {
            Refusal::broker(StatusCode::BAD_REQUEST, "invalid_request", "token cannot be null or empty")
        })?;
        if !terms.behaviour.revoke_refresh_tokens
            && (form.get("token_type_hint") == Some("refresh_token") || issuer.is_refresh_token(&client, token))
        {
            return Err(Refusal::broker(
                StatusCode::BAD_REQUEST,
                "unsupported_token_type",
                "Refresh tokens cannot be revoked here.",
            ));
        }
        if !issuer.revoke_access_token(&client, token) {
            issuer.revoke_refresh_token(&client, token);
        }
        Ok(StatusCode::OK)
    })
}
