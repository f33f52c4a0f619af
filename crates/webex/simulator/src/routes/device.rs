//! The device grant (RFC 8628): `POST /v1/device/authorize`, `POST /v1/device/token`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};
use lanyard_protocol::{AppClientId, ScopeSet};
use serde_json::json;

use super::access_token::Tokens;
use super::client_auth::Credentials;
use crate::behaviour::DevicePending;
use crate::issuer::{DEVICE_LIFE, DevicePoll, OPENID};
use crate::routes::extract::Fields;
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;

pub(super) async fn authorize(webex: Webex, Fields(form): Fields) -> Reply {
    let client = form.get("client_id").map(AppClientId::new).ok_or_else(|| invalid("client_id is required."))?;
    let scopes: ScopeSet =
        form.get("scope").unwrap_or_default().parse().map_err(|_| invalid("The scope cannot be read."))?;
    let base = webex.setting().base_url.clone();
    webex.decide(|issuer, _, terms| {
        let app = issuer.app(&client).ok_or_else(|| invalid("No client with this client_id is registered."))?;
        // The scopes of OpenID Connect are not supported here.
        if scopes.is_empty() || scopes.iter().any(|scope| OPENID.contains(&scope.as_str())) {
            return Err(invalid("The scope is missing, or not supported by the device grant."));
        }
        if !scopes.without(&app.scopes).is_empty() {
            return Err(invalid("The scope holds one that the client is not registered for."));
        }
        let codes = issuer.pair(client.clone(), scopes.clone(), terms);
        let (device_code, user_code) = codes.ok_or_else(|| invalid("No client with this client_id is registered."))?;
        let page = format!("{base}/device");
        Ok(Json(json!({
            "device_code": device_code,
            "expires_in": DEVICE_LIFE.as_secs(),
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "interval": terms.behaviour.device_interval.as_secs(),
        })))
    })
}

/// The app's secret comes by HTTP Basic only.
pub(super) async fn token(webex: Webex, headers: HeaderMap, Fields(form): Fields) -> Reply<Response> {
    if form.get("grant_type") != Some("urn:ietf:params:oauth:grant-type:device_code") {
        return Err(Refusal::broker(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "The grant type is not supported.",
        ));
    }
    let code = form.get("device_code").ok_or_else(|| invalid("device_code is required."))?;
    webex.decide(|issuer, _, terms| {
        let client = Credentials::basic(&headers)?.check(issuer)?;
        let rfc = terms.behaviour.device_pending == DevicePending::Rfc;
        let word = |word, sentence| Refusal::broker(StatusCode::BAD_REQUEST, word, sentence);
        match issuer.poll(&client, code, terms) {
            DevicePoll::Granted(reply) => {
                let body = Json(Tokens::of(&reply, terms.now, terms.behaviour.scope_in_reply));
                Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
            }
            DevicePoll::Pending if rfc => Err(word("authorization_pending", "The person has not signed in yet.")),
            DevicePoll::Pending => Err(Refusal::Gateway(
                StatusCode::PRECONDITION_REQUIRED,
                "The request is pending: the user has not completed the authorization yet.",
            )),
            DevicePoll::SlowDown if rfc => Err(word("slow_down", "The polls come too fast.")),
            DevicePoll::SlowDown => {
                Err(Refusal::Gateway(StatusCode::PRECONDITION_REQUIRED, "slow_down: the polls come too fast."))
            }
            DevicePoll::Denied => Err(word("access_denied", "The user denied the request.")),
            DevicePoll::Expired => Err(word("expired_token", "The device code is expired or was used.")),
            DevicePoll::TooManyTokens => Err(Refusal::Forbidden),
        }
    })
}

fn invalid(sentence: &str) -> Refusal {
    Refusal::BadRequest(sentence.to_owned())
}
