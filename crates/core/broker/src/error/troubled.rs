//! Troubled trouble it is.

use std::fmt;

use lanyard_credential::{App, AppName, Credential, CredentialName, Kind};
use lanyard_protocol::Environment;

use crate::Broker;

/// A credential, as far as a hint names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Troubled {
    /// Its name.
    pub name: CredentialName,
    /// Its kind.
    pub kind: Kind,
    /// The Webex that it belongs to.
    pub environment: Environment,
    /// The app that it was obtained through, where that was looked up.
    pub app: Option<AppName>,
}

impl Troubled {
    /// A credential whose app is named in words: nobody looked.
    pub fn of(credential: &Credential) -> Self {
        let Credential { name, kind, environment, .. } = credential;
        Self { name: name.clone(), kind: *kind, environment: environment.clone(), app: None }
    }

    /// A credential whose app is one of these.
    pub fn among(credential: &Credential, apps: &[App]) -> Self {
        let app = apps.iter().find(|app| Some(app.id) == credential.app).map(|app| app.name.clone());
        Self { app, ..Self::of(credential) }
    }

    /// The app's name, as a command takes it.
    pub(super) fn app(&self) -> impl fmt::Display {
        match &self.app {
            Some(app) => app.to_string(),
            None => format!("APP (lanyard show {} names the app)", self.name),
        }
    }
}

impl Broker {
    /// A credential with its app. A store that cannot be read leaves the hint without the app's name.
    pub(crate) async fn troubled(&self, credential: &Credential) -> Troubled {
        let app = match credential.app {
            Some(id) => self.store.app_by_id(id).await.ok().flatten(),
            None => None,
        };
        Troubled { app: app.map(|app| app.name), ..Troubled::of(credential) }
    }
}
