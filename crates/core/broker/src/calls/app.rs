//! Registrations at Webex.

use lanyard_credential::{App, AppId, AppKind, AppName};
use lanyard_protocol::oauth::ClientAuth;
use lanyard_protocol::{AppClientId, Environment, ScopeSet};
use lanyard_secret::ClientSecret;
use lanyard_store::{NewApp, StoreError};
use url::Url;

use crate::{Broker, Call, Error};

/// Registers an app.
#[derive(Debug)]
pub struct AddApp {
    /// Its name here.
    pub name: AppName,
    /// What it is registered as at Webex.
    pub kind: AppKind,
    /// The Webex that knows it.
    pub environment: Environment,
    /// Its client id.
    pub client_id: AppClientId,
    /// Its client secret.
    pub client_secret: ClientSecret,
    /// Its redirect URIs, exactly as registered.
    pub redirect_uris: Vec<Url>,
    /// The scopes that a sign-in asks for.
    pub scopes: ScopeSet,
    /// A service app's application id.
    pub application_id: Option<String>,
}

impl Call for AddApp {
    type Reply = App;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        let app = App {
            id: AppId::random(&*broker.entropy),
            name: self.name,
            kind: self.kind,
            environment: self.environment,
            client_id: self.client_id,
            redirect_uris: self.redirect_uris,
            scopes: self.scopes,
            application_id: self.application_id,
        };
        broker.store.insert_app(NewApp { app: app.clone(), client_secret: self.client_secret }).await.map_err(named)?;
        Ok(app)
    }
}

/// All apps, by name.
#[derive(Debug)]
pub struct ListApps;

impl Call for ListApps {
    type Reply = Vec<App>;

    async fn run(self, broker: &Broker) -> Result<Vec<App>, Error> {
        Ok(broker.store.apps().await?)
    }
}

/// One app.
#[derive(Debug)]
pub struct ShowApp {
    /// Its name.
    pub name: AppName,
}

impl Call for ShowApp {
    type Reply = App;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        broker.app(&self.name).await
    }
}

/// Forgets an app that no credential uses.
#[derive(Debug)]
pub struct RemoveApp {
    /// Its name.
    pub name: AppName,
}

impl Call for RemoveApp {
    type Reply = ();

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        let app = broker.app(&self.name).await?;
        broker.store.remove_app(app.id).await.map_err(|error| match error {
            StoreError::AppInUse { credentials } => {
                Error::AppInUse { app: app.name, users: credentials.iter().map(ToString::to_string).collect() }
            }
            error => error.into(),
        })
    }
}

/// Replaces an app's client secret. Credentials that stalled because of the old one may try again at once.
#[derive(Debug)]
pub struct ReplaceSecret {
    /// The app's name.
    pub name: AppName,
    /// The new secret.
    pub client_secret: ClientSecret,
}

impl Call for ReplaceSecret {
    type Reply = App;

    async fn run(self, broker: &Broker) -> Result<App, Error> {
        let app = broker.app(&self.name).await?;
        broker.store.replace_app_secret(app.id, &self.client_secret).await?;
        Ok(app)
    }
}

impl Broker {
    pub(crate) async fn app(&self, name: &AppName) -> Result<App, Error> {
        self.store.app(name).await?.ok_or_else(|| Error::NoSuchApp(name.clone()))
    }

    /// What an app proves itself with at the token endpoint.
    pub(crate) async fn auth(&self, app: AppId) -> Result<ClientAuth, StoreError> {
        let (app, client_secret) = self.store.app_with_secret(app).await?;
        Ok(ClientAuth { client_id: app.client_id, client_secret })
    }
}

/// A name that is taken is the caller's mistake, not the store's failure.
pub(crate) fn named(error: StoreError) -> Error {
    match error {
        StoreError::NameTaken(name) => Error::NameTaken(name),
        error => error.into(),
    }
}
