//! Homes that were made out of them.

use lanyard_client::CallError;
use lanyard_credential::{Credential, RefreshRight};
use lanyard_operation::{Declaration, Operation};
use lanyard_secret::AccessToken;
use lanyard_store::Store;
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![Resume];

/// Resumes a paused home; `false` if it was not paused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume;

impl Operation for Resume {
    const DECLARED: Declaration = Declaration::change("home.resume");

    type Context = Broker;
    type Reply = bool;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<bool, Error> {
        Ok(broker.store.resume().await?)
    }
}

/// A credential with the verdict on its access token.
#[derive(Debug)]
pub struct Tried {
    /// The credential.
    pub credential: Credential,
    /// The verdict of Webex on its access token.
    pub access: Verdict,
    /// Whether it has a refresh token, of which nothing is known.
    pub renewable: bool,
}

/// The verdict of Webex on an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It accepts it.
    Accepted,
    /// It refuses it.
    Refused,
    /// It gave no answer that says so or so.
    Unknown(String),
    /// There is none.
    None,
    /// It does not open.
    Unreadable(String),
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown(_) => "unknown",
            Self::None => "none",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl Broker {
    /// Tries every access token without changing anything: asks Webex which identity it has. The home may be paused. Refresh tokens
    /// cannot be tried without spending them. Runs only in the owner's own process, because the reply cannot be sent to another
    /// one.
    pub async fn try_tokens(&self) -> Result<Vec<Tried>, Error> {
        let store = self.store.inspecting();
        let mut tried = Vec::new();
        for credential in store.credentials().await? {
            let access = match token(&store, &credential).await {
                Ok(Some(token)) => ask(self, &credential, &token).await,
                Ok(None) => Verdict::None,
                Err(why) => Verdict::Unreadable(why),
            };
            let renewable = credential.validity.as_ref().is_some_and(|validity| validity.refresh != RefreshRight::None);
            tried.push(Tried { credential, access, renewable });
        }
        Ok(tried)
    }
}

async fn token(store: &Store, credential: &Credential) -> Result<Option<AccessToken>, String> {
    let found = store.access_token(credential.id).await.map_err(|error| error.to_string())?;
    Ok(found.map(|(_, token)| token))
}

async fn ask(broker: &Broker, credential: &Credential, token: &AccessToken) -> Verdict {
    match broker.transport.me(&credential.environment, token).await {
        Ok(_) => Verdict::Accepted,
        Err(error) if error.is_unauthorized() => Verdict::Refused,
        // It may not ask who it is: so it is known.
        Err(CallError::Resource(error)) if error.status() == Some(http::StatusCode::FORBIDDEN) => Verdict::Accepted,
        Err(error) => Verdict::Unknown(error.to_string()),
    }
}
