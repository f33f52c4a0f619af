//! Registering integrations and service apps, and replacing their secrets.

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::ClientSecret;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use crate::issuer::App;
use crate::webex::Webex;
use crate::world::application_id;

/// An integration to be registered; an id and a secret that are left out are made up.
#[derive(Debug)]
pub(crate) struct NewIntegration {
    pub(crate) name: String,
    pub(crate) client: Option<AppClientId>,
    pub(crate) secret: Option<ClientSecret>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) scopes: ScopeSet,
}

/// Why an app is not registered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum AppError {
    #[error("{0:?} is no URI")]
    Redirect(String),
    #[error("the client id is taken")]
    Taken,
}

impl Webex {
    /// Registers an integration for whoever creates it; gives its id and its secret.
    pub(crate) fn register_integration(
        &self,
        owner: Option<Uuid>,
        new: NewIntegration,
    ) -> Result<(AppClientId, ClientSecret), AppError> {
        if let Some(wrong) = new.redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            return Err(AppError::Redirect(wrong.clone()));
        }
        self.decide(|issuer, _, terms| {
            let client = new.client.unwrap_or_else(|| App::new_client_id(terms.entropy));
            let secret = new.secret.unwrap_or_else(|| App::new_secret(terms.entropy));
            let NewIntegration { name, redirect_uris, scopes, .. } = new;
            let app = App { name, owner, secret: secret.clone(), redirect_uris, scopes };
            if issuer.register(client.clone(), app) { Ok((client, secret)) } else { Err(AppError::Taken) }
        })
    }

    /// Registers a service app that nobody has authorised yet; gives its application id, its client id and its secret.
    pub(crate) fn register_service_app(
        &self,
        owner: Option<Uuid>,
        name: String,
        scopes: ScopeSet,
    ) -> (String, AppClientId, ClientSecret) {
        self.decide(|issuer, _, terms| {
            let client = App::new_client_id(terms.entropy);
            let (id, secret) = (application_id(&client), App::new_secret(terms.entropy));
            let app = App { name, owner, secret: secret.clone(), redirect_uris: Vec::new(), scopes };
            issuer.register(client.clone(), app);
            issuer.register_application(id.clone(), client.clone());
            (id, client, secret)
        })
    }

    /// Changes an app that is there.
    pub(crate) fn change_app(
        &self,
        client: &AppClientId,
        name: &str,
        redirect_uris: &[String],
        scopes: &ScopeSet,
    ) -> Result<(), AppError> {
        if let Some(wrong) = redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            return Err(AppError::Redirect(wrong.clone()));
        }
        self.decide(|issuer, _, _| issuer.change(client, name, redirect_uris, scopes));
        Ok(())
    }

    /// Replaces a client secret, by a made-up one where none is given; the old one is wrong at once. `None` when there is no such app.
    pub(crate) fn replace_secret(&self, client: &AppClientId, secret: Option<ClientSecret>) -> Option<ClientSecret> {
        self.decide(|issuer, _, terms| {
            let secret = secret.unwrap_or_else(|| App::new_secret(terms.entropy));
            issuer.replace_secret(client, secret.clone()).then_some(secret)
        })
    }
}

/// An absolute URI (RFC 6749, section 3.1.2); one that a browser would run as a script is none.
fn is_redirect_uri(text: &str) -> bool {
    Url::parse(text).is_ok_and(|uri| !matches!(uri.scheme(), "javascript" | "data" | "vbscript"))
}
