//! A credential's last failure, kept until an attempt succeeds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::IdError;

/// The last failure of a credential, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it happened.
    pub at: Moment,
    /// The kind of failure.
    pub kind: TroubleKind,
    /// A description of the failure. Holds no secret and no body of a token endpoint.
    pub message: String,
    /// How many times in a row it failed.
    pub failures: u32,
    /// How long after `at` the next try waits.
    pub pause: Duration,
}

impl Trouble {
    /// Whether the next try is due.
    pub fn may_try_again(&self, now: &Moment) -> bool {
        now.since(&self.at) >= self.pause
    }

    /// The wall time of the failure.
    pub fn when(&self) -> Timestamp {
        self.at.wall
    }
}

/// The failures that are told apart, because a person does something else about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TroubleKind {
    /// Webex could not be reached, or was too busy: it will pass.
    Unreachable,
    /// Webex limits the calls: it will pass, no sooner than it says.
    Limited,
    /// The request was sent and no answer that can be understood came back: the refresh token may or may not be spent.
    OutcomeUnknown,
    /// Webex refuses the app's client id or secret: every credential of the app is affected.
    WrongClient,
    /// The grant has ended: a person must sign in or authorise again.
    DeadGrant,
    /// Webex does not accept the access token any more (bots and personal tokens).
    DeadToken,
    /// No administrator has authorised the service app in that organisation, or one has withdrawn it.
    NotAuthorised,
    /// The credential through which this one is minted cannot be used.
    ViaUnusable,
    /// Another process began to renew, and does not finish: a person may take over.
    Unfinished,
}

impl TroubleKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Limited,
        Self::OutcomeUnknown,
        Self::WrongClient,
        Self::DeadGrant,
        Self::DeadToken,
        Self::NotAuthorised,
        Self::ViaUnusable,
        Self::Unfinished,
    ];

    /// The word for it, in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Limited => "limited",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::WrongClient => "wrong-client",
            Self::DeadGrant => "dead-grant",
            Self::DeadToken => "dead-token",
            Self::NotAuthorised => "not-authorised",
            Self::ViaUnusable => "via-unusable",
            Self::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for TroubleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TroubleKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(IdError)
    }
}
