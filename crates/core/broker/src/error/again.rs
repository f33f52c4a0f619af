//! The command that starts a failed operation again.

use std::fmt;

use lanyard_credential::{AppName, CredentialName};

/// The command that a person began with, to be given once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// Up to the credential's name.
    command: &'static str,
    name: CredentialName,
    /// The app through which it went.
    pub(crate) app: AppName,
    /// The options after the app.
    rest: &'static str,
}

impl Again {
    /// A sign-in.
    pub fn sign_in(name: &CredentialName, app: &AppName) -> Self {
        Self { command: "lanyard login", name: name.clone(), app: app.clone(), rest: "" }
    }

    /// A sign-in with a code.
    pub fn device(name: &CredentialName, app: &AppName) -> Self {
        Self { rest: " --device", ..Self::sign_in(name, app) }
    }

    /// A service app's refresh token, handed over.
    pub fn service_app(name: &CredentialName, app: &AppName) -> Self {
        Self { command: "lanyard add service-app", ..Self::sign_in(name, app) }
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} --app {}{}", self.command, self.name, self.app, self.rest)
    }
}
