//! The calls of the token endpoint and of the identity broker.

use lanyard_protocol::oauth::{self, ClientAuth, RedirectUri, RevokeError, TokenError, TokenHint, TokenReply};
use lanyard_protocol::{Environment, Request};
use lanyard_secret::{AuthorizationCode, CodeVerifier, RefreshToken};
use lanyard_time::Moment;
use thiserror::Error;

use crate::{SendError, Transport};

/// A token reply, and the moment from which its lifetimes count.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// When the request was sent.
    pub sent: Moment,
    /// The token endpoint's reply.
    pub reply: TokenReply,
}

/// Why an exchange brought no token set.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// There is no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// There is an answer, and it is no token set.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// The longest body that is read from a token endpoint; real ones have a few kilobytes.
pub(crate) const LONGEST_REPLY: usize = 256 * 1024;

impl Transport {
    /// Buys a token set with the code of a sign-in. Sent once.
    pub async fn exchange_code(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        code: &AuthorizationCode,
        redirect_uri: &RedirectUri,
        verifier: &CodeVerifier,
    ) -> Result<Obtained, ExchangeError> {
        self.obtain(environment, oauth::exchange_code(environment, auth, code, redirect_uri, verifier)).await
    }

    /// Buys the next token set with a refresh token. Sent once: a repeat is the caller's decision, made durable first.
    pub async fn refresh(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        refresh_token: &RefreshToken,
    ) -> Result<Obtained, ExchangeError> {
        self.obtain(environment, oauth::refresh(environment, auth, refresh_token)).await
    }

    /// Buys the next token set of a workspace integration. Sent once, as [`refresh`](Self::refresh).
    pub async fn refresh_as_json(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        refresh_token: &RefreshToken,
    ) -> Result<Obtained, ExchangeError> {
        self.obtain(environment, oauth::refresh_as_json(environment, auth, refresh_token)).await
    }

    async fn obtain(&self, environment: &Environment, request: Request) -> Result<Obtained, ExchangeError> {
        let exchange = self.send(environment, request, LONGEST_REPLY).await?;
        let reply = TokenReply::parse(&exchange.response)?;
        Ok(Obtained { sent: exchange.sent, reply })
    }

    /// Revokes one token at the identity broker; `Ok(false)` where the environment has no such endpoint.
    pub async fn revoke(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        token: &str,
        hint: TokenHint,
    ) -> Result<bool, RevocationError> {
        let Some(request) = oauth::revoke(environment, auth, token, hint) else { return Ok(false) };
        let exchange = self.send(environment, request, LONGEST_REPLY).await?;
        oauth::revoked(&exchange.response)?;
        Ok(true)
    }
}

/// Why a token was not revoked.
#[derive(Debug, Error)]
pub enum RevocationError {
    /// There is no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Webex refused.
    #[error(transparent)]
    Refused(#[from] RevokeError),
}

impl RevocationError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Send(error) => !matches!(error, SendError::ForeignOrigin(_)),
            Self::Refused(error) => error.is_transient(),
        }
    }
}
