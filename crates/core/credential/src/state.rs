//! How a credential stands, and the word that a person sees for it.

use std::fmt;

use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::{Kind, RefreshRight, Trouble, Validity};

/// The stored state of a credential. Each standing carries its own data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// No token yet: a sign-in or an administrator's authorisation is outstanding.
    Pending,
    /// The last attempt at anything succeeded.
    Active,
    /// Renewal fails, or its outcome is unknown. The current tokens are handed out while they last.
    Stalled(Trouble),
    /// The grant is dead. Nothing is deleted; the access token is handed out while it lasts.
    NeedsLogin(Trouble),
    /// Being revoked and erased: nothing is handed out.
    Clearing,
    /// Switched off by a person: nothing is handed out, nothing is rotated.
    Disabled,
}

impl Standing {
    /// The last failure, where one stands.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Stalled(trouble) | Self::NeedsLogin(trouble) => Some(trouble),
            Self::Pending | Self::Active | Self::Clearing | Self::Disabled => None,
        }
    }

    /// Whether tokens may be handed out.
    pub fn hands_out(&self) -> bool {
        !matches!(self, Self::Pending | Self::Clearing | Self::Disabled)
    }

    /// The state that a person sees of a credential of this kind, with the token set `validity`, at `now`.
    pub fn state(&self, kind: Kind, validity: Option<&Validity>, now: &Moment) -> State {
        self.kind().state(kind, validity, now)
    }

    /// The standing without its data.
    pub const fn kind(&self) -> StandingKind {
        match self {
            Self::Pending => StandingKind::Pending,
            Self::Active => StandingKind::Active,
            Self::Stalled(_) => StandingKind::Stalled,
            Self::NeedsLogin(_) => StandingKind::NeedsLogin,
            Self::Clearing => StandingKind::Clearing,
            Self::Disabled => StandingKind::Disabled,
        }
    }
}

/// A [`Standing`] without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingKind {
    /// [`Standing::Pending`]
    Pending,
    /// [`Standing::Active`]
    Active,
    /// [`Standing::Stalled`]
    Stalled,
    /// [`Standing::NeedsLogin`]
    NeedsLogin,
    /// [`Standing::Clearing`]
    Clearing,
    /// [`Standing::Disabled`]
    Disabled,
}

impl StandingKind {
    /// The state that a person sees of a credential of this kind, with the token set `validity`, at `now`.
    pub fn state(self, kind: Kind, validity: Option<&Validity>, now: &Moment) -> State {
        match self {
            Self::Pending => State::Pending,
            Self::Clearing => State::Clearing,
            Self::Disabled => State::Disabled,
            Self::NeedsLogin => State::dead(kind),
            Self::Stalled => State::Stalled,
            Self::Active => match validity {
                None => State::Pending,
                Some(validity) if validity.refresh != RefreshRight::None => State::Active,
                Some(validity) if validity.access_has_ended(now) => State::dead(kind),
                // A bot's token lasts a century: nobody will see it end.
                Some(_) if kind == Kind::Bot => State::Active,
                Some(_) => State::Expiring,
            },
        }
    }
}

/// The word that a person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A sign-in or an administrator's authorisation is outstanding.
    Pending,
    /// All is well.
    Active,
    /// Valid, and cannot be renewed.
    Expiring,
    /// Renewal fails or its outcome is unknown.
    Stalled,
    /// A person must sign in again.
    NeedsLogin,
    /// A person must give it its next token: nobody can sign in as a bot, and a personal token is copied.
    NeedsToken,
    /// Being revoked and erased.
    Clearing,
    /// Switched off.
    Disabled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Active,
        Self::Expiring,
        Self::Stalled,
        Self::NeedsLogin,
        Self::NeedsToken,
        Self::Clearing,
        Self::Disabled,
    ];

    /// The state of a credential of this kind whose tokens are of no use any more.
    fn dead(kind: Kind) -> Self {
        match kind {
            Kind::Bot | Kind::Personal => Self::NeedsToken,
            Kind::Integration | Kind::ServiceApp | Kind::Guest | Kind::WorkspaceIntegration => Self::NeedsLogin,
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Stalled => "stalled",
            Self::NeedsLogin => "needs-login",
            Self::NeedsToken => "needs-token",
            Self::Clearing => "clearing",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
