//! A credential whose last renewal failed, as far as hints name it.

use std::fmt;

use lanyard_credential::{App, AppName, Credential, CredentialName, Kind};
use lanyard_protocol::Environment;

use crate::Issuer;

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
    /// Whether that app cannot be read or belongs to another Webex, because the database was altered without Lanyard.
    pub is_app_altered: bool,
    /// The credential that it is minted through, where that was looked up.
    pub issuer: Option<Issuer>,
}

impl Troubled {
    /// A credential whose app and issuer were not looked up.
    pub fn of(credential: &Credential) -> Self {
        let Credential { name, kind, environment, .. } = credential;
        Self {
            name: name.clone(),
            kind: *kind,
            environment: environment.clone(),
            app: None,
            is_app_altered: false,
            issuer: None,
        }
    }

    /// A credential whose app and issuer are among these.
    pub fn among(credential: &Credential, apps: &[App], all: &[Credential]) -> Self {
        let app = apps.iter().find(|app| Some(app.id) == credential.app);
        Self { issuer: Issuer::among(credential, all), ..Self::through(credential, app) }
    }

    pub(crate) fn through(credential: &Credential, app: Option<&App>) -> Self {
        Self {
            app: app.map(|app| app.name.clone()),
            is_app_altered: credential.app.is_some() && app.is_none_or(|app| app.environment != credential.environment),
            ..Self::of(credential)
        }
    }

    /// The app's name, as a command takes it.
    pub(super) fn app(&self) -> impl fmt::Display {
        match &self.app {
            Some(app) => app.to_string(),
            None => format!("APP (lanyard show {} names the app)", self.name),
        }
    }
}
