//! Finding what a name or an id stands for; where a name stands for nothing, the existing names that are most like it.

use lanyard_credential::{App, AppId, AppName, ClientName, Credential, CredentialId, CredentialName, nearest};
use lanyard_protocol::Environment;
use lanyard_protocol::oauth::ClientAuth;
use lanyard_secret::ClientSecret;
use lanyard_store::{HandOut, StoreError};
use lanyard_vault::OpenError as VaultError;

use crate::broker::Broker;
use crate::error::{Error, Troubled};
use crate::issuer::Issuer;

impl Broker {
    /// The names of the credentials that are minted through this one.
    pub(crate) async fn minted_through(&self, id: CredentialId) -> Result<Vec<CredentialName>, Error> {
        let all = self.store.credentials().await?;
        let through = |other: &Credential| other.mint.as_ref().is_some_and(|mint| mint.via == id);
        Ok(all.into_iter().filter(through).map(|other| other.name).collect())
    }

    pub(crate) async fn credential(&self, name: &CredentialName) -> Result<Credential, Error> {
        match self.store.credential(name).await? {
            Some(credential) if self.is_authorized(name, credential.id) => Ok(credential),
            _ => Err(self.no_such_credential(name).await),
        }
    }

    /// The credential with its tokens, under a name.
    pub(crate) async fn row(&self, name: &CredentialName) -> Result<HandOut, Error> {
        match self.store.hand_out(name).await? {
            Some(row) if self.is_authorized(name, row.credential.id) => Ok(row),
            _ => Err(self.no_such_credential(name).await),
        }
    }

    /// A credential that was looked up before, as it is now. Its name may have been given to another one in the meantime.
    pub(crate) async fn again(&self, credential: &Credential) -> Result<Credential, Error> {
        match self.store.credential_by_id(credential.id).await? {
            Some(present) => Ok(present),
            None => Err(self.no_such_credential(&credential.name).await),
        }
    }

    pub(crate) async fn app(&self, name: &AppName) -> Result<App, Error> {
        match self.store.app(name).await? {
            Some(app) => Ok(app),
            None => Err(self.no_such_app(name).await),
        }
    }

    /// An app's client secret; `None` if the app is gone.
    pub(crate) async fn open_secret(&self, app: &App) -> Result<Option<ClientSecret>, Error> {
        self.store.app_secret(app.id).await.map_err(|error| match error {
            StoreError::Sealed(VaultError::Damaged) => Error::AppDamaged { app: app.name.clone() },
            error => error.into(),
        })
    }

    /// The id and secret with which an app authenticates at the token endpoint of `environment`, to which they are about to be sent.
    /// An altered row could name an app of another Webex, so the secret is sent to the app's own environment only.
    pub(crate) async fn auth(&self, id: AppId, environment: &Environment) -> Result<ClientAuth, Error> {
        let Some(app) = self.store.app_by_id(id).await? else { return Err(Error::AppGone) };
        if app.environment != *environment {
            return Err(Error::AppOfAnotherEnvironment {
                app: app.name,
                of: app.environment.id().to_owned(),
                used_at: environment.id().to_owned(),
            });
        }
        let Some(client_secret) = self.open_secret(&app).await? else { return Err(Error::AppGone) };
        Ok(ClientAuth { client_id: app.client_id, client_secret })
    }

    /// A credential with its app and issuer. A store that cannot be read leaves the hint without their names.
    pub(crate) async fn troubled(&self, credential: &Credential) -> Troubled {
        let app = match credential.app {
            Some(id) => self.store.app_by_id(id).await.ok().flatten(),
            None => None,
        };
        let issuer = match &credential.mint {
            Some(mint) => self.store.credential_by_id(mint.via).await.ok().map(|via| Issuer::of(mint, via.as_ref())),
            None => None,
        };
        Troubled { issuer, ..Troubled::through(credential, app.as_ref()) }
    }

    /// There is no such credential; the nearest that there are go with the error.
    pub(crate) async fn no_such_credential(&self, name: &CredentialName) -> Error {
        match self.store.credential_names().await {
            Ok(all) => Error::NoSuchCredential {
                near: nearest(name.as_str(), all.iter().map(CredentialName::as_str)),
                name: name.clone(),
            },
            Err(error) => error.into(),
        }
    }

    /// There is no such app; the nearest that there are go with the error.
    pub(crate) async fn no_such_app(&self, name: &AppName) -> Error {
        match self.store.app_names().await {
            Ok(all) => {
                Error::NoSuchApp { near: nearest(name.as_str(), all.iter().map(AppName::as_str)), name: name.clone() }
            }
            Err(error) => error.into(),
        }
    }

    /// There is no such client, or it is refused; the nearest that there are go with the error.
    pub(crate) async fn no_such_client(&self, name: &ClientName) -> Error {
        let refused = match self.store.client_list().await {
            Ok(list) => list.refused.into_iter().find(|refused| refused.name == name.as_str()),
            Err(error) => return error.into(),
        };
        if let Some(refused) = refused {
            return Error::RefusedClient { name: name.clone(), why: refused.to_string() };
        }
        match self.store.client_names().await {
            Ok(all) => Error::NoSuchClient {
                near: nearest(name.as_str(), all.iter().map(ClientName::as_str)),
                name: name.clone(),
            },
            Err(error) => error.into(),
        }
    }
}
