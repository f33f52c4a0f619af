//! Tokens that one token buys for another identity.

use lanyard_protocol::oauth::{self, ClientAuth, MintRefused};
use lanyard_protocol::{Environment, Guest, OrgId};
use lanyard_secret::AccessToken;
use lanyard_time::Moment;
use thiserror::Error;

use crate::token::LONGEST_REPLY;
use crate::{Obtained, SendError, Transport};

/// A guest and its token, and the moment from which its lifetime counts.
#[derive(Clone, Debug)]
pub struct ObtainedGuest {
    /// When the request was sent.
    pub sent: Moment,
    /// The guest and its token.
    pub guest: Guest,
}

/// Why no token was minted.
#[derive(Debug, Error)]
pub enum MintError {
    /// There is no whole answer. A token more may have been minted; another try does no other harm.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Webex refused, or cannot be understood.
    #[error(transparent)]
    Refused(#[from] MintRefused),
}

impl MintError {
    /// Whether trying again later may help, with nothing changed by a person.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Send(error) => !matches!(error, SendError::ForeignOrigin(_)),
            Self::Refused(refused) => refused.is_transient(),
        }
    }
}

impl Transport {
    /// Mints a service app's tokens in the organisation `target`. `bearer` is an integration's token with
    /// `spark:applications_token`, `auth` the service app's own id and secret. Sent once.
    pub async fn service_app_token(
        &self,
        environment: &Environment,
        bearer: &AccessToken,
        application_id: &str,
        auth: &ClientAuth,
        target: &OrgId,
    ) -> Result<Obtained, MintError> {
        let request = oauth::service_app_token(environment, bearer, application_id, auth, target);
        let exchange = self.send(environment, request, LONGEST_REPLY).await?;
        let reply = oauth::minted(&exchange.response)?;
        Ok(Obtained { sent: exchange.sent, reply })
    }

    /// Asks for a token of the guest known as `subject`. `bearer` is a service app's token with `guest-issuer:write`. Sent once.
    pub async fn guest_token(
        &self,
        environment: &Environment,
        bearer: &AccessToken,
        subject: &str,
        display_name: &str,
    ) -> Result<ObtainedGuest, MintError> {
        let request = Guest::mint(environment, bearer, subject, display_name);
        let exchange = self.send(environment, request, LONGEST_REPLY).await?;
        let guest = Guest::parse(&exchange.response)?;
        Ok(ObtainedGuest { sent: exchange.sent, guest })
    }
}
