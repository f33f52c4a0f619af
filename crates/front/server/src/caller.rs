//! Who asks, and what they may do.

use std::sync::Arc;

use lanyard_credential::CredentialId;
use lanyard_time::Moment;

use crate::problem::Problem;
use crate::serve::Shared;

/// Where a connection came in, and who is at its other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// On `lanyard.sock`: the owner of the home.
    Owner {
        /// As the audit names them.
        actor: Arc<str>,
    },
    /// On `clients.sock`: a local user.
    Local {
        /// Their number.
        uid: u32,
    },
    /// Over TCP.
    Remote {
        /// The names under which the broker may be asked for there.
        hosts: Arc<[String]>,
    },
}

/// What may be done with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Token,
    Read,
    Refresh,
    Manage,
}

/// Who a request comes from, known for certain.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The owner: everything is allowed.
    Owner {
        /// As the audit names them.
        actor: Arc<str>,
    },
}

impl Caller {
    /// As the audit names them.
    pub(crate) fn actor(&self) -> &Arc<str> {
        match self {
            Self::Owner { actor } => actor,
        }
    }

    /// Whether they may have the token of the credential of that name.
    pub(crate) fn may_take(&self, shared: &Shared, name: &str, now: &Moment) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
            #[expect(unreachable_patterns, reason = "clients come next")]
            _ => self.may(Right::Token, shared.hand_outs.find(name).map(|held| held.id), now),
        }
    }

    /// Whether they may do this with any credential.
    pub(crate) fn may_at_all(&self, _right: Right, _now: &Moment) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
        }
    }

    /// Whether they may do this with a credential; `None` is one that there is not.
    pub(crate) fn may(&self, _right: Right, _credential: Option<CredentialId>, _now: &Moment) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
        }
    }
}
