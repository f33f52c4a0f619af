//! The caller of an operation, and its permissions.

use std::fmt;
use std::sync::Arc;

use lanyard_credential::{Capability, Client, ClientId, CredentialId, Granted, Refused};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};

/// A caller, as the audit shows it. It becomes text only when it is recorded, once for many equal requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A local user, and their process if the system knows it: `uid 1000 (pid 4711)`.
    User {
        /// The user id.
        uid: u32,
        /// The process id.
        pid: Option<i32>,
    },
    /// Any other caller: `client dashboard`.
    Named(Arc<str>),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { uid, pid: Some(pid) } => write!(f, "uid {uid} (pid {pid})"),
            Self::User { uid, pid: None } => write!(f, "uid {uid}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// The authenticated caller of an operation.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The owner of the home, who may do everything.
    Owner {
        /// The owner's name in the audit.
        actor: Actor,
    },
    /// A client, within its policy.
    Client {
        /// The client, with the policy that it had when the request came.
        client: Arc<Client>,
        /// Its name in the audit.
        actor: Actor,
    },
}

/// The caller that started work which outlives its request. The work is authorised again, as this caller, whenever it is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starter {
    /// The client; `None` for the owner.
    pub client: Option<ClientId>,
    /// The caller's name in the audit.
    pub actor: String,
}

impl Caller {
    /// The caller, as it is kept with work that it started.
    pub fn starter(&self) -> Starter {
        let client = match self {
            Self::Owner { .. } => None,
            Self::Client { client, .. } => Some(client.id),
        };
        Starter { client, actor: self.actor().to_string() }
    }

    /// The owner, under a name for the audit.
    pub fn owner(actor: impl Into<Arc<str>>) -> Self {
        Self::Owner { actor: Actor::Named(actor.into()) }
    }

    /// The caller's name in the audit.
    pub fn actor(&self) -> &Actor {
        match self {
            Self::Owner { actor } | Self::Client { actor, .. } => actor,
        }
    }

    /// Whether the caller is the owner of the home.
    pub fn is_owner(&self) -> bool {
        matches!(self, Self::Owner { .. })
    }

    /// Whether the caller may know that a credential exists.
    pub fn knows(&self, credential: CredentialId) -> bool {
        match self {
            Self::Owner { .. } => true,
            Self::Client { client, .. } => match &client.credentials {
                Granted::All => true,
                Granted::Only(granted) => granted.contains(&credential),
            },
        }
    }

    /// Whether the caller has a capability for at least one credential.
    pub fn may_at_all(&self, what: Capability, now: &Moment) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
            Self::Client { client, .. } => Ok(client.permits_any(what, now.wall)?),
        }
    }

    /// Whether the caller has a capability for a credential. `None` is a credential that does not exist: a client gets the same
    /// refusal for it as for a credential that is not granted to it.
    pub fn may(&self, what: Capability, credential: Option<CredentialId>, now: &Moment) -> Result<(), Problem> {
        match (self, credential) {
            (Self::Owner { .. }, _) => Ok(()),
            (Self::Client { client, .. }, Some(id)) => Ok(client.permits(id, what, now.wall)?),
            (Self::Client { client, .. }, None) => {
                client.permits_any(what, now.wall)?;
                match client.credentials {
                    Granted::All => Ok(()),
                    Granted::Only(_) => Err(Refused::Credential { client: client.name.clone() }.into()),
                }
            }
        }
    }

    /// The refusal that replaces "no such name" for a client that may use certain credentials only.
    pub fn without_names(&self, problem: &Problem) -> Option<Problem> {
        match self {
            Self::Client { client, .. }
                if problem.code() == Code::NoSuchName && matches!(client.credentials, Granted::Only(_)) =>
            {
                Some(Refused::Credential { client: client.name.clone() }.into())
            }
            _ => None,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(Code::Refused, refused.to_string()).hint(refused.hint()).why(refused.in_short())
    }
}
