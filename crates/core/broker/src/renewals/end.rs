//! How a renewal ends.

use std::time::Duration;

use lanyard_credential::Trouble;

use super::breaker::Health;

/// How a renewal ended.
#[derive(Clone, Debug)]
pub(crate) enum RenewalEnd {
    /// The next generation is stored.
    Renewed(Means),
    /// Another process stored the next generation, or another caller of this process.
    Elsewhere,
    /// Another process is renewing the credential.
    Busy,
    /// The credential does not exist any more.
    Erased,
    /// The credential cannot be renewed in its current state.
    NotRenewable,
    /// It may not begin yet, for a reason that is not stored with the credential. Nothing was sent.
    NotBegun(Trouble),
    /// It failed. `asked` is how long Webex asked to wait.
    Failed { trouble: Trouble, asked: Duration },
}

/// How the next generation was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// With the stored refresh token.
    Rotation,
    /// With the spare, because the stored refresh token is dead.
    Spare,
    /// Through another credential.
    Mint,
}

impl RenewalEnd {
    /// Returns the health of the environment that the end shows.
    pub(crate) fn health(&self) -> Health {
        match self {
            Self::Renewed(_) => Health::Well,
            Self::Failed { trouble, asked } => Health::after(trouble.kind, *asked),
            Self::Elsewhere | Self::Busy | Self::Erased | Self::NotRenewable | Self::NotBegun(_) => Health::Unknown,
        }
    }

    /// Converts the end for a caller that shared the renewal.
    pub(super) fn for_another(self) -> Self {
        match self {
            Self::Renewed(_) => Self::Elsewhere,
            end => end,
        }
    }
}
