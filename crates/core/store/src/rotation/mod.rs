//! The store's side of a rotation: the intent, and its end. Each step is one transaction.
//!
//! The order that a caller keeps, and why, is `lanyard_credential::rotation`'s. What is held here, whatever a caller does: a commit
//! replaces the generation that it says and no other, a failure is written only where the very intent still stands, and nothing
//! of this brings back a credential that is being cleared or switches on one that is disabled.

mod abandoned;
mod claim;
mod ending;
mod exchange;

use std::time::Duration;

use lanyard_credential::rotation::{Attempt, Writer};
use lanyard_credential::{Credential, Intent, Process};
use lanyard_secret::RefreshToken;

pub use self::claim::{Claim, LimitNews};
pub use self::ending::{Commit, Failure, RotatedTokens};

/// A credential's row as a rotation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationView {
    /// All but the secrets.
    pub credential: Credential,
    /// The work that is in progress.
    pub under_way: UnderWay,
    /// Whether a spare is kept.
    pub has_spare: bool,
    /// How long Webex limits the renewals of its subject, as some process was told: for a claim, those of its issuer. Only a view
    /// that allows to renew has it.
    pub limited: Option<Duration>,
}

/// The work that is in progress for a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// Nothing.
    Nothing,
    /// An exchange is, or was, and what is known of its writer now.
    Exchange(Intent, Writer),
    /// A process has the credential to itself for something else.
    Held(Process),
}

/// The result of beginning a rotation.
#[derive(Debug)]
pub enum Begun {
    /// There is no such credential, or it is being cleared.
    Erased,
    /// No exchange was decided on, and nothing was written.
    Seen(Box<RotationView>),
    /// The intent is durable.
    Declared(Box<RotationView>, Declared),
}

/// A durable intent, and the refresh token that may be sent now, once.
#[derive(Debug)]
pub struct Declared {
    /// The intent.
    pub intent: Intent,
    /// The exchange that it announces.
    pub attempt: Attempt,
    /// The refresh token.
    pub token: RefreshToken,
}
