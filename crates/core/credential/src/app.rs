//! A registration at Webex.

use std::fmt;
use std::str::FromStr;

use lanyard_protocol::oauth::RedirectUri;
use lanyard_protocol::{AppClientId, Environment, ScopeSet};
use serde::{Deserialize, Serialize};

use crate::{AppId, AppName, Kind, KindError};

/// A registration at Webex: one serves many credentials. Its client secret is not here: it is sealed in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// The immutable id.
    pub id: AppId,
    /// The name.
    pub name: AppName,
    /// The kind of the registration.
    pub kind: AppKind,
    /// The Webex that knows it.
    pub environment: Environment,
    /// The id that Webex gave it.
    pub client_id: AppClientId,
    /// Where Webex may send a browser back to; exactly as registered.
    pub redirect_uris: Vec<RedirectUri>,
    /// The scopes that a sign-in asks for by default.
    pub scopes: ScopeSet,
    /// A service app's application id, or the address of a workspace integration (`appUrl`).
    pub application_id: Option<String>,
}

/// The kind of an app's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AppKind {
    /// Persons consent to it.
    Integration,
    /// Administrators authorise it for an organisation.
    ServiceApp,
    /// An administrator has activated it in an organisation.
    WorkspaceIntegration,
}

impl AppKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::ServiceApp => "service-app",
            Self::WorkspaceIntegration => "workspace-integration",
        }
    }

    /// The word with its article, for a sentence.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Integration => "an integration",
            Self::ServiceApp => "a service-app",
            Self::WorkspaceIntegration => "a workspace-integration",
        }
    }
}

impl From<AppKind> for Kind {
    /// The kind of the credentials that are renewed through an app of this kind.
    fn from(kind: AppKind) -> Self {
        match kind {
            AppKind::Integration => Self::Integration,
            AppKind::ServiceApp => Self::ServiceApp,
            AppKind::WorkspaceIntegration => Self::WorkspaceIntegration,
        }
    }
}

impl fmt::Display for AppKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AppKind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        match text {
            "integration" => Ok(Self::Integration),
            "service-app" => Ok(Self::ServiceApp),
            "workspace-integration" => Ok(Self::WorkspaceIntegration),
            other => Err(KindError::new(other)),
        }
    }
}
