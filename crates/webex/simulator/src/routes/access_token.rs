//! `POST /v1/access_token`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use lanyard_secret::{AuthorizationCode, CodeVerifier, RefreshToken, SecretText};
use serde::Serialize;

use super::client_auth::Credentials;
use super::openid;
use super::refusal::{Refusal, Reply};
use crate::behaviour::Behaviour;
use crate::form::Form;
use crate::issuer::{ExchangeError, TokenReply};
use crate::webex::Webex;

pub(super) async fn exchange(webex: Webex, headers: HeaderMap, body: Bytes) -> Reply<Response> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let form = if is_json { Form::of_json(&body) } else { Some(Form::parse(&body)) };
    let form = form.ok_or_else(|| invalid("the body is not a JSON object".to_owned()))?;
    if let Some(name) = form.repeated() {
        return Err(invalid(format!("{name} is there more than once")));
    }
    let integrations: Vec<_> = webex.state().integrations.values().map(|found| found.client.clone()).collect();
    webex.decide(|issuer, _, terms| {
        let grant_type = required(&form, "grant_type")?;
        let credentials = Credentials::of(&headers, &form)?;
        let client = credentials.check(issuer)?;
        // Cisco's own code sends JSON. Whether Webex would take a form is not known.
        if !is_json && integrations.contains(&client) {
            return Err(invalid("a workspace integration sends JSON".to_owned()));
        }
        let outcome = match grant_type {
            "authorization_code" => {
                let code = AuthorizationCode::new(required(&form, "code")?);
                let redirect_uri = required(&form, "redirect_uri")?;
                let verifier = form.get("code_verifier").map(CodeVerifier::new);
                issuer.exchange_code(&client, &code, redirect_uri, verifier.as_ref(), terms)
            }
            "refresh_token" => {
                let token = RefreshToken::new(required(&form, "refresh_token")?);
                issuer.refresh(&client, &token, terms)
            }
            _ => {
                return Err(Refusal::broker(
                    StatusCode::BAD_REQUEST,
                    "unsupported_grant_type",
                    "The grant type is not supported.",
                ));
            }
        };
        let reply = outcome.map_err(|error| refusal(error, terms.behaviour))?;
        let id_token = openid::of(webex.setting(), &client, &reply, terms.now);
        let body = Tokens::of(&reply, terms.now, terms.behaviour.scope_in_reply);
        let body = Json(Tokens { id_token: id_token.as_ref().map(SecretText::expose_secret), ..body });
        Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
    })
}

/// RFC 6749, section 5.1, with the refresh token's lifetime that Webex adds.
#[derive(Serialize)]
pub(super) struct Tokens<'a> {
    access_token: &'a str,
    /// Whole seconds that are left.
    expires_in: i64,
    refresh_token: &'a str,
    refresh_token_expires_in: i64,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Of `OpenID` Connect, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(reply: &'a TokenReply, now: Timestamp, scope: bool) -> Self {
        let left = |until: Timestamp| until.duration_since(now).as_secs().max(0);
        Self {
            access_token: reply.access.expose_secret(),
            expires_in: left(reply.access_expires_at),
            refresh_token: reply.refresh.expose_secret(),
            refresh_token_expires_in: left(reply.refresh_expires_at),
            token_type: "Bearer",
            scope: scope.then(|| reply.scopes.to_string()),
            id_token: None,
        }
    }
}

fn required<'f>(form: &'f Form, name: &str) -> Result<&'f str, Refusal> {
    form.get(name).ok_or_else(|| invalid(format!("{name} cannot be null or empty")))
}

fn invalid(description: String) -> Refusal {
    Refusal::broker(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn refusal(error: ExchangeError, behaviour: &Behaviour) -> Refusal {
    match error {
        ExchangeError::DeadCode | ExchangeError::DeadGrant => {
            Refusal::broker(behaviour.dead_grant_status, behaviour.dead_grant_error.as_str(), error.to_string())
        }
        // The limit is documented, what is answered past it is not: not the grant's end, and nothing that waiting a moment helps.
        ExchangeError::TooManyTokens => Refusal::broker(StatusCode::FORBIDDEN, "access_denied", error.to_string()),
    }
}
