//! Login with Webex (`OpenID` Connect): discovery, the key set, and who a token belongs to; and the identity broker's revocation.

use axum::Json;
use http::{HeaderMap, StatusCode};
use lanyard_protocol::{AppClientId, PersonType};
use lanyard_secret::SecretText;
use serde_json::{Value, json};

use super::client_auth::Credentials;
use super::extract::{Caller, Fields};
use super::refusal::{Refusal, Reply};
use crate::issuer::{OPENID, TokenReply, id_token, key_set};
use crate::webex::{Setting, Webex};

/// Webex's own issuer is `https://idbroker-….webex.com/idb`.
fn issuer(setting: &Setting) -> String {
    format!("{}/idb", setting.origin())
}

/// `OpenID` Connect Discovery, section 3.
pub(super) async fn discovery(webex: Webex) -> Json<Value> {
    let base = &webex.setting().base_url;
    Json(json!({
        "issuer": issuer(webex.setting()),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/access_token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/verification"),
        "revocation_endpoint": format!("{}/oauth2/v1/revoke", issuer(webex.setting())),
        "device_authorization_endpoint": format!("{base}/device/authorize"),
        "scopes_supported": OPENID,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "aud", "sub", "iat", "exp", "auth_time", "nonce", "at_hash", "name", "given_name", "family_name",
            "preferred_username", "updated_at", "email", "email_verified",
        ],
    }))
}

/// `GET /v1/verification`.
pub(super) async fn keys() -> Json<Value> {
    Json(key_set())
}

/// `GET` and `POST /v1/userinfo`: as much as the token's scopes tell. Bots and machines sign in nowhere.
pub(super) async fn userinfo(caller: Caller) -> Reply {
    if caller.account.kind != PersonType::Person {
        return Err(Refusal::Forbidden);
    }
    caller.needs_any(&["openid"])?;
    let account = &caller.account;
    let mut claims = json!({ "sub": account.id.to_string() });
    if caller.has_any(&["profile"]) {
        claims["name"] = json!(account.display_name);
        claims["given_name"] = json!(account.first_name);
        claims["family_name"] = json!(account.last_name);
        claims["preferred_username"] = json!(account.email);
        claims["updated_at"] = json!(account.created.as_second());
    }
    if caller.has_any(&["email"]) {
        claims["email"] = json!(account.email);
        // A text, at Webex; the standard has a boolean.
        claims["email_verified"] = json!("true");
    }
    Ok(Json(claims))
}

/// The ID token that goes with a token reply, where one was asked for.
pub(super) fn of(
    setting: &Setting,
    client: &AppClientId,
    reply: &TokenReply,
    now: jiff::Timestamp,
) -> Option<SecretText> {
    let identity = reply.identity.as_ref()?;
    Some(SecretText::new(id_token(&issuer(setting), client, identity, &reply.access, now)))
}

/// `POST /idb/oauth2/v1/revoke`, in the way of RFC 7009. Answers 200 whether or not there was such a token (RFC 7009, section 2.2). The hint is a hint: both kinds are looked for.
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
