//! Registrations at Webex.

use lanyard_credential::{App, AppId, AppKind, AppName};
use lanyard_protocol::oauth::ClientAuth;
use lanyard_protocol::{AppClientId, Environment, ScopeSet};
use lanyard_secret::ClientSecret;
use lanyard_store::{NameError, NewApp, RemoveAppError};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Broker, Call, Error};

/// Registers an app.
#[derive(Debug, Serialize, Deserialize)]
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
    #[serde(with = "lanyard_secret::travel")]
    pub client_secret: ClientSecret,
    /// Its redirect URIs, exactly as registered.
    #[serde(with = "lanyard_credential::urls")]
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
        let new = NewApp { app, client_secret: self.client_secret };
        broker.store.insert_app(&new).await.map_err(|error| match error {
            NameError::Taken(_) => Error::AppNameTaken(new.app.name.clone()),
            error => error.into(),
        })?;
        Ok(new.app)
    }
}

/// All apps, by name.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListApps;

impl Call for ListApps {
    type Reply = Vec<App>;

    async fn run(self, broker: &Broker) -> Result<Vec<App>, Error> {
        Ok(broker.store.apps().await?)
    }
}

/// One app.
#[derive(Debug, Serialize, Deserialize)]
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
#[derive(Debug, Serialize, Deserialize)]
pub struct RemoveApp {
    /// Its name.
    pub name: AppName,
}

impl Call for RemoveApp {
    type Reply = ();

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        let app = broker.app(&self.name).await?;
        match broker.store.remove_app(app.id).await {
            Ok(_) => Ok(()),
            Err(RemoveAppError::InUse(users)) => {
                Err(Error::AppInUse { app: app.name, users: users.iter().map(ToString::to_string).collect() })
            }
            Err(RemoveAppError::Store(error)) => Err(error.into()),
        }
    }
}

/// Replaces an app's client secret. Credentials that stalled because of the old one may try again at once.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplaceSecret {
    /// The app's name.
    pub name: AppName,
    /// The new secret.
    #[serde(with = "lanyard_secret::travel")]
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
        match self.store.app(name).await? {
            Some(app) => Ok(app),
            None => Err(self.no_such_app(name).await),
        }
    }

    /// What an app proves itself with at the token endpoint.
    pub(crate) async fn auth(&self, id: AppId) -> Result<ClientAuth, Error> {
        let (app, secret) = (self.store.app_by_id(id).await?, self.store.app_secret(id).await?);
        match (app, secret) {
            (Some(app), Some(client_secret)) => Ok(ClientAuth { client_id: app.client_id, client_secret }),
            _ => Err(Error::AppGone),
        }
    }
}
