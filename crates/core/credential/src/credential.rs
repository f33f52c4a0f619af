//! A credential as it is shown: everything but its secrets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_protocol::{Environment, ScopeSet};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, CredentialId, CredentialName, Generation, Grant, Kind, Mint, Organisation, RefreshRight, Standing, State,
    Subject, TroubleKind, Validity,
};

/// A named, durable right to obtain access tokens, without the tokens themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The immutable id.
    pub id: CredentialId,
    /// The name.
    pub name: CredentialName,
    /// The kind.
    pub kind: Kind,
    /// The Webex that its tokens belong to. They go nowhere else.
    pub environment: Environment,
    /// The app through which it rotates; `None` for bots and personal tokens.
    pub app: Option<AppId>,
    /// How it gets a grant through another credential, where it does.
    pub mint: Option<Mint>,
    /// How it stands.
    pub standing: Standing,
    /// The grant behind the token set.
    pub grant: Grant,
    /// The token set's number.
    pub generation: Generation,
    /// How long the token set is good; `None` while there is none.
    pub validity: Option<Validity>,
    /// The scopes that Webex said were granted; `None` where it did not say.
    pub scopes: Option<ScopeSet>,
    /// The account that the token acts as.
    pub subject: Subject,
    /// The subject's organisation, where it is known.
    pub organisation: Option<Organisation>,
    /// When the credential was made.
    pub created_at: Timestamp,
    /// When a rotation last succeeded.
    pub last_rotated_at: Option<Timestamp>,
    /// Words of the operator's own.
    pub labels: BTreeMap<String, String>,
}

impl Credential {
    /// The state that a person sees.
    pub fn state(&self, now: &Moment) -> State {
        match self.standing.state(self.kind, self.validity.as_ref(), now) {
            // What is minted again when it is asked for needs nobody.
            State::Expiring | State::NeedsLogin if self.standing == Standing::Active && self.mint.is_some() => {
                State::Active
            }
            state => state,
        }
    }

    /// How it gets its next tokens.
    pub fn renewal(&self) -> Renewal {
        Renewal::of(
            self.kind,
            self.validity.as_ref(),
            self.standing.trouble().map(|trouble| trouble.kind),
            self.mint.is_some(),
        )
    }
}

/// How a credential gets its next tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewal {
    /// Its refresh token is spent.
    Rotate,
    /// A new grant is had through another credential.
    Mint,
    /// A person must give it a new token.
    None,
}

impl Renewal {
    /// Decides from the parts of a credential; `mints` if it can get a grant through another credential.
    pub fn of(kind: Kind, validity: Option<&Validity>, trouble: Option<TroubleKind>, mints: bool) -> Self {
        let refreshes = kind.rotates() && validity.is_some_and(|validity| validity.refresh != RefreshRight::None);
        let dead =
            matches!(trouble, Some(TroubleKind::DeadGrant | TroubleKind::NotAuthorised | TroubleKind::ViaUnusable));
        match mints {
            true if dead || !refreshes => Self::Mint,
            _ if refreshes => Self::Rotate,
            _ => Self::None,
        }
    }
}
