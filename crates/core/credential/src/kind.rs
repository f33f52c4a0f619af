//! The six kinds of credential that Webex knows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a credential obtains access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A developer's own token from the portal: it ends after hours and cannot be renewed.
    Personal,
    /// A bot's token: it lives for a century unless someone regenerates it.
    Bot,
    /// An OAuth grant by a person.
    Integration,
    /// An OAuth grant by an administrator to a machine account of one organisation.
    ServiceApp,
    /// A guest, minted through a service app.
    Guest,
    /// A workspace integration, which an administrator activated in one organisation.
    WorkspaceIntegration,
}

/// A word that names no kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a kind of credential: personal, bot, integration, service-app, guest or workspace-integration")]
pub struct KindError(String);

impl KindError {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(80).collect())
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Personal, Self::Bot, Self::Integration, Self::ServiceApp, Self::Guest, Self::WorkspaceIntegration];

    /// The word for it, on the command line and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Bot => "bot",
            Self::Integration => "integration",
            Self::ServiceApp => "service-app",
            Self::Guest => "guest",
            Self::WorkspaceIntegration => "workspace-integration",
        }
    }

    /// The word with its article, for a sentence.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::Personal => "a personal",
            Self::Bot => "a bot",
            Self::Integration => "an integration",
            Self::ServiceApp => "a service-app",
            Self::Guest => "a guest",
            Self::WorkspaceIntegration => "a workspace-integration",
        }
    }

    /// Whether a refresh token can keep it alive.
    pub const fn rotates(self) -> bool {
        matches!(self, Self::Integration | Self::ServiceApp | Self::WorkspaceIntegration)
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| KindError::new(text))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
