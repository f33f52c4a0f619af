//! How an app proves itself at the identity broker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use lanyard_protocol::AppClientId;
use lanyard_secret::ClientSecret;

use super::refusal::Refusal;
use crate::form::Form;
use crate::issuer::Issuer;

/// An app's id and secret, from HTTP Basic or from the form. PKCE does not make the secret superfluous at Webex.
pub(super) struct Credentials {
    client: AppClientId,
    secret: ClientSecret,
}

impl Credentials {
    /// Takes them from `Authorization: Basic` where it is there, else from the form.
    pub(super) fn of(headers: &HeaderMap, form: &Form) -> Result<Self, Refusal> {
        if headers.contains_key(AUTHORIZATION) {
            return Self::basic(headers);
        }
        let missing = |field: &str| {
            Refusal::broker(StatusCode::BAD_REQUEST, "invalid_request", format!("{field} cannot be null or empty"))
        };
        Ok(Self {
            client: AppClientId::new(form.get("client_id").ok_or_else(|| missing("client_id"))?),
            secret: ClientSecret::new(form.get("client_secret").ok_or_else(|| missing("client_secret"))?),
        })
    }

    /// Takes them from `Authorization: Basic` alone.
    pub(super) fn basic(headers: &HeaderMap) -> Result<Self, Refusal> {
        headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"))
            .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
            .and_then(|decoded| String::from_utf8(decoded).ok())
            .and_then(|decoded| {
                let (client, secret) = decoded.split_once(':')?;
                Some(Self {
                    client: AppClientId::new(form_decoded(client)),
                    secret: ClientSecret::new(form_decoded(secret)),
                })
            })
            .ok_or_else(wrong)
    }

    /// Whether they are an app's.
    pub(super) fn check(self, issuer: &Issuer) -> Result<AppClientId, Refusal> {
        match issuer.app(&self.client) {
            Some(app) if app.secret.matches(&self.secret) => Ok(self.client),
            Some(_) | None => Err(wrong()),
        }
    }
}

fn wrong() -> Refusal {
    Refusal::broker(StatusCode::UNAUTHORIZED, "invalid_client", "The client id or the client secret is invalid.")
}

/// Both halves are form-encoded before they are joined (RFC 6749, section 2.3.1).
fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(format!("={text}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
