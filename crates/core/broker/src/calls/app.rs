//! Registrations at Webex.

use lanyard_client::{ExchangeError, Obtained};
use lanyard_credential::{App, AppId, AppKind, AppName, CredentialName};
use lanyard_operation::{Declaration, Operation, Problem};
use lanyard_protocol::oauth::{ClientAuth, RedirectUri, Refusal, Rejection, TokenError};
use lanyard_protocol::{AppClientId, Environment, ScopeSet, WebexId};
use lanyard_secret::{ClientSecret, RefreshToken};
use lanyard_store::{NameError, NewApp, RemoveAppError};
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::{Broker, Error};

operations![AddApp, ListApps, ListUnreadableApps, ShowApp, RemoveApp, ChangeApp, TrySecret, ReplaceSecret];

/// Registers an app.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddApp {
    /// Its name here.
    pub name: AppName,
    /// The kind of its registration at Webex.
    pub kind: AppKind,
    /// The Webex that knows it.
    pub environment: Environment,
    /// Its client id.
    pub client_id: AppClientId,
    /// Its client secret.
    #[serde(with = "lanyard_secret::travel")]
    pub client_secret: ClientSecret,
    /// Its redirect URIs, exactly as registered.
    pub redirect_uris: Vec<RedirectUri>,
    /// The scopes that a sign-in asks for.
    pub scopes: ScopeSet,
    /// A service app's application id; `None` for the one that follows from the client id.
    pub application_id: Option<String>,
}

impl Operation for AddApp {
    const DECLARED: Declaration = Declaration::change("app.add");

    type Context = Broker;
    type Reply = App;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        let application_id = match self.kind {
            AppKind::Integration | AppKind::WorkspaceIntegration => self.application_id,
            AppKind::ServiceApp => Some(self.application_id.unwrap_or_else(|| application_of(&self.client_id))),
        };
        let app = App {
            id: AppId::random(&*broker.entropy),
            name: self.name,
            kind: self.kind,
            environment: self.environment,
            client_id: self.client_id,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes,
            application_id,
        };
        let new = NewApp { app, client_secret: self.client_secret };
        broker.store.insert_app(&new).await.map_err(|error| match error {
            NameError::Taken(_) => Error::AppNameTaken(new.app.name.clone()),
            error => error.into(),
        })?;
        Ok(new.app)
    }
}

/// Webex writes an app's client id into its application id: seen in published code, not documented.
fn application_of(client: &AppClientId) -> String {
    WebexId { cluster: "us".to_owned(), kind: "APPLICATION".to_owned(), value: client.to_string() }.encode()
}

/// All apps, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListApps;

impl Operation for ListApps {
    const DECLARED: Declaration = Declaration::read("app.list");

    type Context = Broker;
    type Reply = Vec<App>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<App>, Error> {
        Ok(broker.store.apps().await?)
    }
}

/// The errors of the apps that cannot be read, and are therefore in no list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListUnreadableApps;

impl Operation for ListUnreadableApps {
    const DECLARED: Declaration = Declaration::part("app.list-unreadable");

    type Context = Broker;
    type Reply = Vec<Problem>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<Problem>, Error> {
        let errors = broker.store.unreadable_apps().await?;
        Ok(errors.into_iter().map(|error| Error::from(error).into()).collect())
    }
}

/// One app.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowApp {
    /// Its name.
    pub name: AppName,
}

impl Operation for ShowApp {
    const DECLARED: Declaration = Declaration::read("app.show");

    type Context = Broker;
    type Reply = App;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        broker.app(&self.name).await
    }
}

/// Forgets an app that no credential uses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveApp {
    /// Its name.
    pub name: AppName,
}

impl Operation for RemoveApp {
    const DECLARED: Declaration = Declaration::change("app.remove");

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        let Some(id) = broker.store.app_to_remove(&self.name).await? else {
            return Err(broker.no_such_app(&self.name).await);
        };
        match broker.store.remove_app(id).await {
            Ok(_) => Ok(()),
            Err(RemoveAppError::InUse(users)) => {
                Err(Error::AppInUse { app: self.name, users: users.iter().map(ToString::to_string).collect() })
            }
            Err(RemoveAppError::Store(error)) => Err(error.into()),
        }
    }
}

/// Changes the scopes that an app requests and its redirect URIs. Granted scopes stay granted; the next sign-in requests the new ones.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeApp {
    /// The app's name.
    pub name: AppName,
    /// The scopes that a sign-in asks for; `None` leaves them.
    pub scopes: Option<ScopeSet>,
    /// The redirect URIs, exactly as registered; `None` leaves them.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// A service app's application id; `None` leaves it.
    pub application_id: Option<String>,
}

impl Operation for ChangeApp {
    const DECLARED: Declaration = Declaration::change("app.change");

    type Context = Broker;
    type Reply = App;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        let mut app = broker.app(&self.name).await?;
        // Properties that only an app of the other kind has.
        let needs = [
            self.application_id.as_ref().map(|_| AppKind::ServiceApp),
            self.redirect_uris.as_ref().map(|_| AppKind::Integration),
        ];
        if let Some(needed) = needs.into_iter().flatten().find(|needed| *needed != app.kind) {
            return Err(Error::WrongAppKind { app: app.name, found: app.kind, needed });
        }
        let mut changed = Vec::new();
        if let Some(scopes) = self.scopes {
            changed.push(format!("scopes: {scopes}"));
            app.scopes = scopes;
        }
        if let Some(uris) = self.redirect_uris {
            let shown: Vec<_> = uris.iter().map(RedirectUri::as_str).collect();
            changed.push(format!("redirect URIs: {}", shown.join(" ")));
            app.redirect_uris = uris;
        }
        if let Some(id) = self.application_id {
            changed.push(format!("application id: {id}"));
            app.application_id = Some(id);
        }
        let detail = format!("{}, {}", app.name, changed.join("; "));
        if !broker.store.change_app(&app, &detail).await? {
            return Err(broker.no_such_app(&self.name).await);
        }
        Ok(app)
    }
}

/// Tries the client secret of an app that is to be added. Nothing is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrySecret {
    /// The name that the app will have.
    pub name: AppName,
    /// The Webex that knows it.
    pub environment: Environment,
    /// Its client id.
    pub client_id: AppClientId,
    /// Its client secret.
    #[serde(with = "lanyard_secret::travel")]
    pub client_secret: ClientSecret,
}

/// The verdict of Webex on a client secret that it did not refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretVerdict {
    /// Webex refused a grant that does not exist and did not object to the secret. It is not documented whether Webex checks the
    /// secret first, so only a renewal confirms it.
    NotRefused,
    /// Webex was not asked, could not be reached, or gave an answer that says neither.
    Unknown(String),
}

impl Operation for TrySecret {
    const DECLARED: Declaration = Declaration::part("app.try-secret");

    type Context = Broker;
    type Reply = SecretVerdict;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<SecretVerdict, Error> {
        broker.refuse_if_paused().await?;
        broker.refuse_taken_app(&self.name).await?;
        let auth = ClientAuth { client_id: self.client_id, client_secret: self.client_secret };
        match broker.try_secret(&self.environment, AppKind::Integration, &auth).await? {
            Trial::NotRefused => Ok(SecretVerdict::NotRefused),
            Trial::Unknown(error) => Ok(SecretVerdict::Unknown(error.to_string())),
            Trial::Refused(refusal) => {
                Err(Error::SecretRefused { app: self.name, environment: Box::new(self.environment), refusal })
            }
        }
    }
}

/// Replaces an app's client secret. The new secret is tried at Webex first; if Webex refuses it or cannot be reached, the old one
/// stays. Credentials that stalled because of the old secret may renew again immediately.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceSecret {
    /// The app's name.
    pub name: AppName,
    /// The new secret.
    #[serde(with = "lanyard_secret::travel")]
    pub client_secret: ClientSecret,
    /// Whether it is stored without being tried.
    pub force: bool,
    /// The Webex that the caller takes the app to belong to; any other is refused before anything is sent.
    pub expected: Option<Environment>,
}

/// A secret that was replaced.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplacedSecret {
    /// Its app.
    pub app: App,
    /// The verdict of Webex.
    pub verdict: SecretVerdict,
    /// The credentials that use it.
    pub users: Vec<CredentialName>,
}

impl Operation for ReplaceSecret {
    const DECLARED: Declaration = Declaration::change("app.replace-secret");

    type Context = Broker;
    type Reply = ReplacedSecret;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ReplacedSecret, Error> {
        broker.refuse_if_paused().await?;
        let app = broker.app(&self.name).await?;
        expect(&app.name, &app.environment, self.expected.as_ref())?;
        let verdict = if self.force {
            SecretVerdict::Unknown("it was not tried".to_owned())
        } else {
            let auth = ClientAuth { client_id: app.client_id.clone(), client_secret: self.client_secret.clone() };
            let refused = match broker.try_secret(&app.environment, app.kind, &auth).await? {
                Trial::NotRefused => None,
                Trial::Refused(refusal) => {
                    let environment = Box::new(app.environment.clone());
                    Some(Error::SecretRefused { app: app.name.clone(), environment, refusal })
                }
                Trial::Unknown(error) => Some(Error::SecretUntried { app: app.name.clone(), source: error }),
            };
            if let Some(error) = refused {
                return Err(error.keeping(app.name.as_str(), "client secret"));
            }
            SecretVerdict::NotRefused
        };
        broker.store.replace_app_secret(app.id, &self.client_secret).await?;
        let users = broker.users_of(app.id).await?;
        Ok(ReplacedSecret { app, verdict, users })
    }
}

/// The outcome of trying a client secret.
enum Trial {
    Refused(Refusal),
    NotRefused,
    Unknown(Box<ExchangeError>),
}

impl Broker {
    /// Tries a client secret with a refresh token that was made up here: whatever Webex answers, nothing is spent or replaced.
    async fn try_secret(&self, environment: &Environment, kind: AppKind, auth: &ClientAuth) -> Result<Trial, Error> {
        let nobodys = AppId::random(&*self.entropy).to_string();
        let (environment, auth) = (environment.clone(), auth.clone());
        let tried = self.finish(async move |broker| {
            let token = RefreshToken::new(nobodys);
            let tried = match kind {
                AppKind::WorkspaceIntegration => broker.transport.refresh_as_json(&environment, &auth, &token).await,
                _ => broker.transport.refresh(&environment, &auth, &token).await,
            };
            if let Ok(Obtained { reply, .. }) = &tried {
                broker.give_back(&environment, &auth, Some(&reply.access_token), reply.refresh_token.as_ref()).await;
            }
            Ok(tried)
        });
        Ok(match tried.await? {
            Err(ExchangeError::Token(TokenError::Rejected(Rejection::Client(refusal)))) => Trial::Refused(refusal),
            // A server that issues a token for a grant that does not exist does not object to the secret.
            Err(ExchangeError::Token(TokenError::Rejected(Rejection::Grant(_)))) | Ok(_) => Trial::NotRefused,
            Err(error) => Trial::Unknown(Box::new(error)),
        })
    }

    /// Fails if the app's secret does not open: before a person signs in, or a token is spent, for nothing.
    pub(crate) async fn authenticate(&self, app: &App) -> Result<(), Error> {
        self.open_secret(app).await?;
        Ok(())
    }

    /// The credentials that are renewed through an app.
    async fn users_of(&self, app: AppId) -> Result<Vec<CredentialName>, Error> {
        let all = self.store.credentials().await?.into_iter();
        Ok(all.filter(|credential| credential.app == Some(app)).map(|credential| credential.name).collect())
    }

    pub(crate) async fn refuse_taken_app(&self, name: &AppName) -> Result<(), Error> {
        match self.store.app(name).await? {
            Some(app) => Err(Error::AppNameTaken(app.name)),
            None => Ok(()),
        }
    }

    /// Fails unless there is such an app and no credential uses it. An app whose row cannot be read counts, too.
    pub(crate) async fn refuse_used_app(&self, name: &AppName) -> Result<(), Error> {
        let Some(id) = self.store.app_to_remove(name).await? else { return Err(self.no_such_app(name).await) };
        let users: Vec<_> = self.users_of(id).await?.iter().map(ToString::to_string).collect();
        if users.is_empty() { Ok(()) } else { Err(Error::AppInUse { app: name.clone(), users }) }
    }
}
