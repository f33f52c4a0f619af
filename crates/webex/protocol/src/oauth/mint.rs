//! Tokens that one token buys for another identity: a service app's, a guest's.

use std::time::Duration;

use http::StatusCode;
use lanyard_secret::SecretBytes;
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::said::Said;
use super::{MalformedReply, Refusal};
use crate::{ErrorBody, Response};

/// Why no token was minted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MintRefused {
    /// No administrator of the organisation has authorised the service app, or one has withdrawn it.
    #[error("no administrator of that organisation has authorised the app ({0})")]
    NotAuthorised(Refusal),
    /// The service app's client id or client secret is wrong.
    #[error("Webex does not accept the app's client id and secret ({0})")]
    WrongClient(Refusal),
    /// The token that asked is not accepted any more.
    #[error("Webex does not accept the token that asks for another ({0})")]
    Unauthorized(Refusal),
    /// The token that asked may not. For a service app Webex answers 403 as well where no administrator has authorised it, and
    /// the two cannot always be told apart: both are to be named to a person.
    #[error("Webex forbids the call ({refusal}); it needs the scope {scope}")]
    Forbidden {
        /// The parts of the answer that may be repeated.
        refusal: Refusal,
        /// The scope that the asking token must hold.
        scope: &'static str,
    },
    /// There is no service app of that application id, as far as the token that asked can see.
    #[error("Webex does not know the application ({0})")]
    NotFound(Refusal),
    /// Too many calls; nothing was done.
    #[error("Webex limits the calls of this app or person")]
    Limited {
        /// How long Webex asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// An answer that fits no shape, or a server's error. Another try does no harm: a token more was minted at worst.
    #[error("the outcome is unclear ({0})")]
    Unclear(Refusal),
    /// Success, but no token in it.
    #[error("Webex answered with success, but {0}")]
    Malformed(MalformedReply),
}

impl MintRefused {
    /// Whether trying again later may help, with nothing changed by a person.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Limited { .. } => true,
            Self::Unclear(refusal) => refusal.status.is_server_error(),
            _ => false,
        }
    }

    /// Sorts an answer that is no success, by the status and by words that Webex's sentences are known to hold.
    pub(crate) fn of(response: &Response, scope: &'static str) -> Self {
        let body = ErrorBody::parse(response.body.expose_secret());
        let refusal = Refusal::of(response, &body);
        let said = Said::of(&body);
        match response.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => Self::Limited { retry_after: response.retry_after() },
            status if !status.is_client_error() => Self::Unclear(refusal),
            _ if said.names_the_client() => Self::WrongClient(refusal),
            StatusCode::UNAUTHORIZED => Self::Unauthorized(refusal),
            _ if names_the_authorisation(&said) => Self::NotAuthorised(refusal),
            StatusCode::FORBIDDEN => Self::Forbidden { refusal, scope },
            StatusCode::NOT_FOUND => Self::NotFound(refusal),
            _ => Self::Unclear(refusal),
        }
    }
}

/// "Service App not authorized by Full Admin in Control Hub", "has been deauthorized", in either spelling. That the one who asks
/// is "not authorized" is another matter: an app, an administrator or an organisation must be spoken of too.
fn names_the_authorisation(said: &Said) -> bool {
    let withdrawn = said.any(&["deauthori", "control hub"]);
    let missing = said.any(&["not authori", "not been authori"]) && said.any(&["app", "admin", "organi"]);
    withdrawn || missing
}

/// Writes JSON that holds secrets. The buffer is made large enough at once, so that no outgrown copy stays behind: `texts` is
/// the length of all texts in it, and a byte becomes six at most.
pub(crate) fn json(value: &impl Serialize, texts: usize) -> SecretBytes {
    let mut body = Zeroizing::new(Vec::with_capacity(6 * texts + 256));
    serde_json::to_writer(&mut *body, value).expect("a struct of texts can be written, and a buffer takes it");
    SecretBytes::new(std::mem::take(&mut *body))
}
