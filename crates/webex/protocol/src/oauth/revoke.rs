//! Revoking a token with the app's own means (RFC 7009, at the identity broker).

use thiserror::Error;

use super::basic::basic;
use super::token::form;
use super::{ClientAuth, Refusal};
use crate::{Environment, ErrorBody, Method, Request, Response};
use http::StatusCode;

/// The kind of token to revoke. Cisco's own code sends access tokens; it is not confirmed that the endpoint accepts refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHint {
    /// An access token.
    Access,
    /// A refresh token; with it go the access tokens that it bought.
    Refresh,
}

impl TokenHint {
    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
        }
    }
}

/// Why a token was not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Webex refused the revocation ({0})")]
pub struct RevokeError(pub Refusal);

impl RevokeError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        self.0.status.is_server_error() || matches!(self.0.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED)
    }
}

/// The revocation of one token; `None` where the environment has no such endpoint.
pub fn revoke(environment: &Environment, auth: &ClientAuth, token: &str, hint: TokenHint) -> Option<Request> {
    let url = environment.revoke()?.clone();
    let body = form([("token", token), ("token_type_hint", hint.as_str())].into_iter());
    Some(basic(Request::new(Method::POST, url).body("application/x-www-form-urlencoded", body), auth))
}

/// Reads the answer: any success means that the token is of no use any more, whether it was before or not (RFC 7009, 2.2).
pub fn revoked(response: &Response) -> Result<(), RevokeError> {
    if response.status.is_success() {
        return Ok(());
    }
    Err(RevokeError(Refusal::of(response, &ErrorBody::parse(response.body.expose_secret()))))
}
