//! The tokens that Webex knows of a credential's subject, listed and cleaned through the Authorizations API.

use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use lanyard_client::{CallError, CallOptions};
use lanyard_credential::{App, Credential, CredentialName};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::{Authorization, AuthorizationId, AuthorizationKind, Environment, PersonId, Scope};
use lanyard_store::{About, Event, JournalRecord};
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::renewal::HandOut;
use crate::{Broker, Error, Troubled};

operations![ListTokens, RevokeTokens];

/// So many live access tokens may an account have; past that even signing in can fail (Webex's developer documentation).
pub const MOST_LIVE_TOKENS: usize = 750;

/// Lists the live tokens of a credential's subject.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListTokens {
    /// The credential.
    pub name: CredentialName,
    /// The administrator's credential that may ask; where none is named, one that is known to have the scope.
    pub via: Option<CredentialName>,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// Ends some of them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeTokens {
    /// The credential.
    pub name: CredentialName,
    /// The administrator's credential that may; where none is named, one that is known to have the scope.
    pub via: Option<CredentialName>,
    /// The tokens to revoke.
    pub which: Which,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// The tokens that are to be ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// These; each must be of the credential's subject.
    These(Vec<AuthorizationId>),
    /// The access tokens of the credential's app and subject that are older than the one in use.
    Superseded,
}

/// The live tokens of a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveTokens {
    /// The credential whose subject it is.
    pub credential: Credential,
    /// The credential that asked.
    pub via: CredentialName,
    /// The tokens, the newest first.
    pub tokens: Vec<LiveToken>,
}

impl LiveTokens {
    /// How many of them are access tokens: these are limited.
    pub fn access_tokens(&self) -> usize {
        self.tokens.iter().filter(|token| token.entry.kind == AuthorizationKind::Access).count()
    }
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LiveToken {
    /// Its entry in the Authorizations API.
    pub entry: Authorization,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a token is. Webex does not say which of a listing is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// Another app's.
    AnotherApps,
    /// Of the credential's app, and older than the token in use: a guess by time.
    Superseded,
    /// Of the credential's app.
    OurApps,
}

const MAY_LIST: &str = "identity:tokens_read";
const MAY_REVOKE: &str = "identity:tokens_write";

/// Webex's clock and this machine's may differ by so much.
const TOLERANCE: Duration = Duration::from_mins(5);

impl Operation for ListTokens {
    const DECLARED: Declaration = Declaration::read("token.list");

    type Context = Broker;
    type Reply = LiveTokens;
    type Error = Error;

    fn about(&self) -> lanyard_operation::About<'_> {
        lanyard_operation::About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<LiveTokens, Error> {
        let credential = broker.credential(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        let via = broker.administrator(&credential, self.via.as_ref(), MAY_LIST).await?;
        broker.live_tokens(credential, &via).await
    }
}

impl Operation for RevokeTokens {
    const DECLARED: Declaration = Declaration::change("token.revoke");

    type Context = Broker;
    type Reply = Vec<LiveToken>;
    type Error = Error;

    fn about(&self) -> lanyard_operation::About<'_> {
        lanyard_operation::About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Vec<LiveToken>, Error> {
        let credential = broker.credential(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        let via = broker.administrator(&credential, self.via.as_ref(), MAY_REVOKE).await?;
        let live = broker.live_tokens(credential, &via).await?;
        let credential = live.credential;
        let chosen: Vec<LiveToken> = match &self.which {
            Which::Superseded => live.tokens.into_iter().filter(|token| token.whose == Whose::Superseded).collect(),
            Which::These(ids) => {
                if let Some(strange) = ids.iter().find(|id| !live.tokens.iter().any(|token| token.entry.id == **id)) {
                    return Err(Error::NoSuchToken { name: credential.name, id: strange.to_string() });
                }
                live.tokens.into_iter().filter(|token| ids.contains(&token.entry.id)).collect()
            }
        };
        let mut done = Vec::new();
        for live in chosen {
            broker.end_authorization(&via, &live.entry).await.map_err(|error| explained(error, &via, MAY_REVOKE))?;
            let token = kind_word(live.entry.kind).to_owned();
            let through = Some(format!("{} and the Authorizations API", via.name));
            let record = JournalRecord {
                at: broker.clock.now().wall,
                about: About::credential(&credential.id, &credential.name),
                actor: broker.actor(),
                event: Event::Revoked { token, through },
            };
            broker.store.append(&record).await?;
            done.push(live);
        }
        Ok(done)
    }
}

/// The word for a kind of token.
pub fn kind_word(kind: AuthorizationKind) -> &'static str {
    match kind {
        AuthorizationKind::Refresh => "refresh",
        AuthorizationKind::Access => "access",
        AuthorizationKind::Unknown => "unknown",
    }
}

impl Broker {
    /// A credential that may ask the Authorizations API about this one's subject: the one that is named, or the first of the same
    /// organisation that is known to have the scope.
    pub(crate) async fn administrator(
        &self,
        credential: &Credential,
        named: Option<&CredentialName>,
        scope: &'static str,
    ) -> Result<Credential, Error> {
        let name = match named {
            Some(name) => name.clone(),
            None => self
                .administrator_of(credential, scope)
                .await?
                .ok_or(Error::NoAdministrator { name: credential.name.clone(), scope })?,
        };
        let call = HandOut { name, min_validity: Duration::ZERO, expected: Some(credential.environment.clone()) };
        Ok(self.run(call).await?.credential)
    }

    /// The name of such a credential.
    pub(crate) async fn administrator_of(
        &self,
        credential: &Credential,
        scope: &str,
    ) -> Result<Option<CredentialName>, Error> {
        let Ok(scope) = scope.parse::<Scope>() else { return Ok(None) };
        let organisation = |credential: &Credential| credential.organisation.as_ref().map(|found| found.id.clone());
        let ours = organisation(credential);
        let all = self.store.credentials().await?;
        let fits = |other: &&Credential| {
            other.environment == credential.environment
                && other.standing.hands_out()
                && other.scopes.as_ref().is_some_and(|granted| granted.contains(&scope))
                && (ours.is_none() || organisation(other) == ours)
        };
        Ok(all.iter().find(fits).map(|found| found.name.clone()))
    }

    pub(crate) async fn live_tokens(&self, credential: Credential, via: &Credential) -> Result<LiveTokens, Error> {
        let Some(person) = credential.subject.known().map(|subject| subject.id.clone()) else {
            return Err(Error::UnknownSubject { name: credential.name });
        };
        let entries = self.listed(via, &person).await;
        let entries = entries.map_err(|error| explained(error, via, MAY_LIST))?;
        let app = match credential.app {
            Some(id) => self.store.app_by_id(id).await?,
            None => None,
        };
        let in_use = credential.validity.as_ref().map(|validity| validity.obtained.wall);
        let mut tokens: Vec<_> =
            entries.into_iter().map(|entry| LiveToken { whose: whose(&entry, app.as_ref(), in_use), entry }).collect();
        tokens.sort_by_key(|token| std::cmp::Reverse(token.entry.created));
        Ok(LiveTokens { credential, via: via.name.clone(), tokens })
    }

    async fn listed(&self, via: &Credential, person: &PersonId) -> Result<Vec<Authorization>, Error> {
        let api = self.tokens_of(&via.name).expecting(Some(&via.environment)).client();
        Ok(api.authorizations(person, &CallOptions::once()).await?.items)
    }

    async fn end_authorization(&self, via: &Credential, entry: &Authorization) -> Result<(), Error> {
        let api = self.tokens_of(&via.name).expecting(Some(&via.environment)).client();
        Ok(api.delete_authorization(&entry.id, &CallOptions::once()).await?)
    }

    /// Ends a grant through the Authorizations API, where the app's own secret could not: `Ok(None)` when nothing of a listing can
    /// be told to be this grant. Else the credential that it went through, and whether the grant was told by time, which is a
    /// guess.
    pub(crate) async fn revoke_by_listing(
        &self,
        credential: &Credential,
    ) -> Result<Option<(CredentialName, bool)>, Error> {
        let (Some(app), Some(subject)) = (credential.app, credential.subject.known()) else { return Ok(None) };
        let Some(app) = self.store.app_by_id(app).await? else { return Ok(None) };
        let via = match self.administrator(credential, None, MAY_REVOKE).await {
            Ok(via) if via.id != credential.id => via,
            Ok(_) | Err(_) => return Ok(None),
        };
        tracing::debug!(via = %via.name, "revoking through the Authorizations API");
        let entries = self.listed(&via, &subject.id).await?;
        let refresh: Vec<_> = entries
            .iter()
            .filter(|entry| {
                entry.kind == AuthorizationKind::Refresh && entry.client_id.as_ref() == Some(&app.client_id)
            })
            .collect();
        let obtained = credential.validity.as_ref().map(|validity| validity.obtained.wall);
        let near = |entry: &Authorization| {
            let moments = [Some(credential.created_at), obtained, credential.last_rotated_at];
            entry.created.is_some_and(|created| moments.into_iter().flatten().any(|moment| is_near(created, moment)))
        };
        let (entry, guess) = match refresh.as_slice() {
            [only] => (*only, false),
            several => match several.iter().filter(|entry| near(entry)).collect::<Vec<_>>().as_slice() {
                [only] => (**only, true),
                _ => return Ok(None),
            },
        };
        self.end_authorization(&via, entry).await?;
        Ok(Some((via.name, guess)))
    }
}

/// Names the scope that a refused credential lacks, where its scopes are known: Webex does not.
fn explained(error: Error, via: &Credential, scope: &'static str) -> Error {
    let is_forbidden = match &error {
        Error::Call(call) => match &**call {
            CallError::Resource(refused) => refused.status() == Some(StatusCode::FORBIDDEN),
            _ => false,
        },
        _ => false,
    };
    match (scope.parse::<Scope>(), &via.scopes) {
        (Ok(needed), Some(granted)) if is_forbidden && !granted.contains(&needed) => {
            Error::LacksScope { via: Box::new(Troubled::of(via)), granted: granted.clone(), scope }
        }
        _ => error,
    }
}

fn is_near(a: Timestamp, b: Timestamp) -> bool {
    a.duration_since(b).abs() <= tolerance()
}

fn tolerance() -> SignedDuration {
    SignedDuration::try_from(TOLERANCE).unwrap_or(SignedDuration::MAX)
}

/// By client id, and among access tokens by time.
fn whose(entry: &Authorization, app: Option<&App>, in_use: Option<Timestamp>) -> Whose {
    if app.is_none_or(|app| entry.client_id.as_ref() != Some(&app.client_id)) {
        return Whose::AnotherApps;
    }
    match (entry.kind, entry.created, in_use) {
        (AuthorizationKind::Access, Some(created), Some(in_use)) if in_use.duration_since(created) > tolerance() => {
            Whose::Superseded
        }
        _ => Whose::OurApps,
    }
}
