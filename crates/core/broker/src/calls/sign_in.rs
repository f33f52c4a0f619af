//! Signing in: OAuth's authorization code with PKCE.
//!
//! A sign-in that fails or is abandoned changes nothing: the earlier tokens of the name are replaced only by the transaction that stores
//! the new ones, and the credential keeps its id. A rotation of the earlier grant that is under way loses to the generation, and its answer
//! is revoked.

use std::sync::Arc;
use std::time::Duration;

use lanyard_client::Obtained;
use lanyard_credential::{
    App, AppKind, AppName, Credential, CredentialId, CredentialName, Generation, Grant, Kind, Standing,
};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::oauth::{AuthorizationRequest, Callback, ClientAuth, RedirectUri, verifier_from};
use lanyard_protocol::{Environment, ScopeSet};
use lanyard_secret::{CodeVerifier, SafeUrl, State};
use lanyard_store::{NewCredential, NewTokens};
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::error::Again;
use crate::grant::tokens_of;
use crate::identity::{Identity, differs};
use crate::{Broker, Error};

operations![BeginSignIn, FinishSignIn];

/// Prepares a sign-in: everything but the browser and the listener.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginSignIn {
    /// The credential that will be made, or signed in again.
    pub name: CredentialName,
    /// The app; where the credential exists, its own app is meant.
    pub app: Option<AppName>,
    /// The scopes to ask for; empty for those of the app.
    pub scopes: ScopeSet,
    /// Whether another person or organisation than before is welcome.
    pub replace: bool,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// A sign-in under way. Lives in the memory of one process and is good for one answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    pub(crate) name: CredentialName,
    replace: bool,
    /// The app through which it goes.
    pub app: App,
    /// The scopes that are asked for.
    pub scopes: ScopeSet,
    #[serde(with = "lanyard_secret::travel")]
    state: State,
    #[serde(with = "lanyard_secret::travel")]
    verifier: CodeVerifier,
}

impl Operation for BeginSignIn {
    const DECLARED: Declaration = Declaration::part("sign-in.begin");

    type Context = Broker;
    type Reply = SignIn;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<SignIn, Error> {
        // Before a person is sent to a browser for nothing.
        broker.refuse_if_paused().await?;
        let app = match (broker.store.credential(&self.name).await?, &self.app) {
            (Some(credential), _) if credential.kind != Kind::Integration => {
                let app = broker.troubled(&credential).await.app;
                return Err(Error::CannotReplace { name: self.name, kind: credential.kind, app });
            }
            (Some(credential), wanted) => {
                let app = match credential.app {
                    Some(id) => broker.store.app_by_id(id).await?,
                    None => None,
                };
                let app = app.ok_or(Error::AppGone)?;
                match wanted {
                    Some(wanted) if *wanted != app.name => {
                        return Err(Error::AnotherApp { name: self.name, own: app.name, wanted: wanted.clone() });
                    }
                    _ => app,
                }
            }
            (None, Some(app)) => broker.app(app).await?,
            (None, None) => {
                let apps = broker.store.apps().await?.into_iter();
                let apps = apps.filter(|app| app.kind == AppKind::Integration).map(|app| app.name).collect();
                return Err(Error::NoAppNamed { name: self.name, apps });
            }
        };
        expect(&app.name, &app.environment, self.expected.as_ref())?;
        broker.authenticate(&app).await?;
        if app.kind != AppKind::Integration {
            return Err(Error::WrongAppKind { app: app.name, found: app.kind, needed: AppKind::Integration });
        }
        let scopes = if self.scopes.is_empty() { app.scopes.clone() } else { self.scopes };
        if scopes.is_empty() {
            return Err(Error::NoScopes);
        }
        let mut random = zeroize::Zeroizing::new([0; 32]);
        broker.entropy.fill(&mut *random);
        let verifier = verifier_from(&random);
        broker.entropy.fill(&mut *random);
        let state = State::new(verifier_from(&random).expose_secret());
        Ok(SignIn { name: self.name, replace: self.replace, app, scopes, state, verifier })
    }
}

impl SignIn {
    /// The command that begins it again.
    pub fn again(&self) -> Again {
        Again::sign_in(&self.name, &self.app.name)
    }

    /// The address to open, for an answer that comes back to `redirect_uri`.
    pub fn url(&self, redirect_uri: &RedirectUri) -> SafeUrl {
        AuthorizationRequest {
            client_id: &self.app.client_id,
            redirect_uri,
            scopes: &self.scopes,
            state: &self.state,
            verifier: &self.verifier,
        }
        .url(&self.app.environment)
    }

    /// Whether an answer is this sign-in's. A pasted bare code has no state: then PKCE alone ties it to this sign-in.
    pub fn recognises(&self, callback: &Callback) -> bool {
        callback.state().is_some_and(|state| self.state.matches(state))
    }
}

/// Finishes a sign-in with what came back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishSignIn {
    /// The sign-in.
    #[serde(with = "crate::wire::shared")]
    pub sign_in: Arc<SignIn>,
    /// The answer that came back.
    pub callback: Callback,
    /// Where it came back to.
    pub redirect_uri: RedirectUri,
    /// Whether a person pasted it, so that it may be a bare code without a state.
    pub pasted: bool,
}

/// A credential that was signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// The credential.
    pub credential: Credential,
    /// Scopes that were asked for and not granted, where Webex said what was granted.
    pub missing: ScopeSet,
}

impl Operation for FinishSignIn {
    const DECLARED: Declaration = Declaration::change("sign-in.finish");

    type Context = Broker;
    type Reply = SignedIn;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<SignedIn, Error> {
        let name = self.sign_in.name.clone();
        let finished = self.finish(broker).await;
        broker.or_kept(&name, finished).await
    }
}

impl FinishSignIn {
    async fn finish(self, broker: &Broker) -> Result<SignedIn, Error> {
        let app = &self.sign_in.app;
        match self.callback.state() {
            Some(_) if !self.sign_in.recognises(&self.callback) => {
                return Err(Error::WrongState { again: Box::new(self.sign_in.again()) });
            }
            None if !self.pasted => return Err(Error::NoState { again: Box::new(self.sign_in.again()) }),
            _ => {}
        }
        let code = match self.callback {
            Callback::Code { code, .. } => code,
            Callback::Refused { error, description, .. } => {
                return Err(Error::SignInRefused { again: Box::new(self.sign_in.again()), error, description });
            }
        };
        let auth = broker.auth(app.id, &app.environment).await?;
        let Self { sign_in, redirect_uri, .. } = self;
        let exchange = async move |broker: Broker| {
            let environment = &sign_in.app.environment;
            let exchanged = broker.transport.exchange_code(environment, &auth, &code, &redirect_uri, &sign_in.verifier);
            let obtained = exchanged.await.map_err(|error| Error::exchange(sign_in.again(), error))?;
            broker.conclude(&sign_in, &auth, obtained).await
        };
        broker.finish(exchange).await
    }
}

/// The waits before tokens are written again of which it is not known whether they are stored.
const AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// Whether what was to be stored may be stored all the same.
pub(crate) fn is_undecided(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_undecided())
}

/// Combines an attempt to write with an earlier one whose outcome is open: then only a success settles it. Any failure of the later one,
/// such as a server that cannot be reached, says nothing about the earlier one. The outer error is the outcome that is still open.
fn settled<T>(open: Option<Error>, written: Result<T, Error>) -> Result<Result<T, Error>, Error> {
    match (open, written) {
        (_, Ok(done)) => Ok(Ok(done)),
        (Some(open), Err(_)) => Err(open),
        (None, Err(error)) if is_undecided(&error) => Err(error),
        (None, Err(error)) => Ok(Err(error)),
    }
}

impl Broker {
    /// Stores the tokens of a sign-in, or gives them back. Only called within [`finish`](Self::finish): dropped halfway, it would
    /// leave a grant that nobody has.
    pub(crate) async fn conclude(
        &self,
        sign_in: &SignIn,
        auth: &ClientAuth,
        obtained: Obtained,
    ) -> Result<SignedIn, Error> {
        let reply = &obtained.reply;
        let missing = reply.scopes.as_ref().map(|granted| sign_in.scopes.without(granted)).unwrap_or_default();
        let tokens = tokens_of(obtained);
        let mut kept = settled(None, self.keep(sign_in, &tokens).await);
        for wait in AGAIN {
            // They may be stored all the same. To write them once more settles it.
            let Err(open) = kept else { break };
            self.sleep.sleep(wait).await;
            kept = settled(Some(open), self.keep(sign_in, &tokens).await);
        }
        match kept.unwrap_or_else(Err) {
            Ok(id) => {
                let Some(credential) = self.store.credential_by_id(id).await? else {
                    return Err(self.no_such_credential(&sign_in.name).await);
                };
                Ok(SignedIn { credential, missing })
            }
            // To give back what may be stored would end a grant that a later start finds in the store.
            Err(error) if is_undecided(&error) => {
                tracing::error!(name = %sign_in.name, %error, "it is not known whether the tokens of a sign-in are stored");
                Err(error)
            }
            Err(error) => {
                let environment = &sign_in.app.environment;
                self.give_back(environment, auth, tokens.access.as_ref(), tokens.refresh.as_ref()).await;
                Err(error)
            }
        }
    }

    /// Stores the tokens of a sign-in. If it fails, they are not stored.
    async fn keep(&self, sign_in: &SignIn, tokens: &NewTokens) -> Result<CredentialId, Error> {
        let SignIn { name, replace, app, .. } = sign_in;
        let (Some(access), Some(_)) = (&tokens.access, &tokens.refresh) else {
            return Err(Error::NoRefreshToken { again: Box::new(sign_in.again()) });
        };
        let identity = self.identify_or_unknown(&app.environment, access).await;
        let Some(earlier) = self.store.credential(name).await? else {
            return self.sign_in_first(name, app, tokens.clone(), identity).await;
        };
        if let Some((before, now)) = differs(&earlier, &identity).filter(|_| !replace) {
            return Err(Error::AnotherSubject { name: name.clone(), before, now });
        }
        self.replace_grant(&earlier, tokens, &identity).await?;
        Ok(earlier.id)
    }

    /// A sign-in that came to nothing took nothing from the credential that was to be signed in again, and the failure says so.
    pub(crate) async fn or_kept<T>(&self, name: &CredentialName, done: Result<T, Error>) -> Result<T, Error> {
        let Err(error) = done else { return done };
        if is_undecided(&error) {
            return Err(error);
        }
        match self.store.credential(name).await {
            Ok(Some(earlier)) if earlier.validity.is_some() => Err(error.keeping(name.as_str(), "tokens")),
            _ => Err(error),
        }
    }

    /// A credential that exists gets another grant.
    pub(crate) async fn sign_in_anew(
        &self,
        earlier: &Credential,
        tokens: &NewTokens,
        identity: &Identity,
    ) -> Result<Credential, Error> {
        self.replace_grant(earlier, tokens, identity).await?;
        self.again(earlier).await
    }

    async fn replace_grant(&self, earlier: &Credential, tokens: &NewTokens, identity: &Identity) -> Result<(), Error> {
        let organisation = identity.organisation.as_ref();
        let replaced = self.store.replace_grant(earlier.id, tokens, &identity.subject, organisation).await?;
        replaced.map(|_| ()).ok_or_else(|| Error::NotHandingOut { name: earlier.name.clone(), state: "clearing" })
    }

    async fn sign_in_first(
        &self,
        name: &CredentialName,
        app: &App,
        tokens: NewTokens,
        identity: Identity,
    ) -> Result<CredentialId, Error> {
        let credential = Credential {
            id: CredentialId::random(&*self.entropy),
            name: name.clone(),
            kind: Kind::Integration,
            environment: app.environment.clone(),
            app: Some(app.id),
            standing: Standing::Active,
            grant: Grant::new(1),
            generation: Generation::new(1),
            validity: Some(tokens.validity.clone()),
            scopes: tokens.scopes.clone(),
            subject: identity.subject,
            organisation: identity.organisation,
            created_at: tokens.validity.obtained.wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::new(),
            mint: None,
        };
        Ok(self.store.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await?.id)
    }
}

#[cfg(test)]
mod tests {
    use lanyard_store::StoreError;

    use super::*;

    #[test]
    fn what_may_be_written_is_never_said_not_to_be() {
        let undecided = || Error::from(StoreError::Undecided("db:5432".into()));
        let unreachable =
            || Error::from(StoreError::Unreachable { server: "db:5432".into(), reason: "refused".to_owned() });
        assert!(matches!(settled(None, Ok(1)), Ok(Ok(1))));
        assert!(matches!(settled::<u32>(None, Err(unreachable())), Ok(Err(_))));
        assert!(matches!(settled::<u32>(None, Err(undecided())), Err(open) if is_undecided(&open)));
        assert!(matches!(settled(Some(undecided()), Ok(2)), Ok(Ok(2))));
        for later in [unreachable(), StoreError::Busy.into(), undecided()] {
            assert!(matches!(settled::<u32>(Some(undecided()), Err(later)), Err(open) if is_undecided(&open)));
        }
    }
}
