//! The caller of a request, and its permissions.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use lanyard_broker::{Actor, client_actor};
use lanyard_credential::{Capability, Client, ClientKey, CredentialId, Granted, Refused};
use lanyard_time::Moment;

use crate::problem::{Code, Problem};
use crate::serve::Shared;

/// Where a connection came in, and who is at its other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// On `lanyard.sock`: the owner of the home, or root.
    Owner {
        /// Their number.
        uid: u32,
        /// Their process, where the system says.
        pid: Option<i32>,
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
        /// Whether it is encrypted.
        tls: bool,
    },
}

/// The authenticated caller of a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The owner: everything is allowed.
    Owner {
        /// As the audit names them.
        actor: Actor,
    },
    /// A client: what its policy says.
    Client {
        /// The client, as its policy was when the request came.
        client: Arc<Client>,
        /// As the audit names it.
        actor: Actor,
    },
}

impl Caller {
    /// The caller of a request. A key that is given must be good, wherever it is given; without one a local user is known by
    /// their number.
    pub(crate) fn of(shared: &Shared, peer: &Peer, headers: &HeaderMap) -> Result<Self, Problem> {
        let client = match (peer, key(headers)?) {
            (&Peer::Owner { uid, pid }, None) => return Ok(Self::Owner { actor: Actor::User { uid, pid } }),
            (_, Some(key)) => shared.hand_outs.client_of_key(&key).ok_or_else(|| {
                Problem::new(Code::Unauthorized, "the key is not, or no longer, that of a client")
                    .why("the key is not, or no longer, that of a client")
                    .hint("see which there are: lanyard client list; add one: lanyard client add")
            })?,
            (Peer::Local { uid }, None) => shared.hand_outs.client_of_user(*uid).ok_or_else(|| {
                Problem::new(Code::Unauthorized, format!("user {uid} is not a client, and the request has no key"))
                    .why("this user is not a client, and the request has no key")
                    .hint(format!("let the owner run lanyard client add NAME --user {uid}, or send a key"))
            })?,
            (Peer::Remote { .. }, None) => {
                return Err(Problem::new(Code::Unauthorized, "there is no key")
                    .why("there is no key")
                    .hint("send a client key: Authorization: Bearer KEY; one is made by lanyard client add"));
            }
        };
        let actor = Actor::Named(client_actor(&client.name).into());
        Ok(Self::Client { client, actor })
    }

    /// As the audit names them.
    pub(crate) fn actor(&self) -> &Actor {
        match self {
            Self::Owner { actor } | Self::Client { actor, .. } => actor,
        }
    }

    /// Whether they may do this with any credential at all.
    pub(crate) fn may_at_all(&self, what: Capability, now: &Moment) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
            Self::Client { client, .. } => Ok(client.permits_any(what, now.wall)?),
        }
    }

    /// Whether they may do this with a credential. `None` is one that there is not: a client is told the same of it as of one that
    /// is not for it.
    pub(crate) fn may(&self, what: Capability, credential: Option<CredentialId>, now: &Moment) -> Result<(), Problem> {
        match (self, credential) {
            (Self::Owner { .. }, _) => Ok(()),
            (Self::Client { client, .. }, Some(id)) => Ok(client.permits(id, what, now.wall)?),
            (Self::Client { client, .. }, None) => {
                client.permits_any(what, now.wall)?;
                match client.credentials {
                    // It may know of all, and so that there is none.
                    Granted::All => Ok(()),
                    Granted::Only(_) => Err(Refused::Credential { client: client.name.clone() }.into()),
                }
            }
        }
    }

    /// The refusal that takes the place of "no such name" for a client that may use certain credentials only.
    pub(crate) fn without_names(&self, problem: &Problem) -> Option<Problem> {
        match self {
            Self::Client { client, .. }
                if problem.code() == Code::NoSuchName && matches!(client.credentials, Granted::Only(_)) =>
            {
                Some(Refused::Credential { client: client.name.clone() }.into())
            }
            _ => None,
        }
    }

    /// Whether they may call Webex so, with a credential that they may call with.
    pub(crate) fn may_call(&self, method: &Method, segments: &[&str], yields_credential: bool) -> Result<(), Problem> {
        match self {
            Self::Owner { .. } => Ok(()),
            Self::Client { client, .. } => Ok(client.permits_call(method, segments, yields_credential)?),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(Code::Refused, refused.to_string()).hint(refused.hint()).why(refused.in_short())
    }
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::new(Code::Unauthorized, why).why("what was sent is not a client key")
}

/// The key of a request, as text. Two `Authorization` headers are refused: another reader could use the other one.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(refused("there is more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| refused("the Authorization header is not text"))?;
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(key.trim())),
        _ => Err(refused("a key is sent as Authorization: Bearer KEY")),
    }
}

/// The key of a client.
fn key(headers: &HeaderMap) -> Result<Option<ClientKey>, Problem> {
    let Some(key) = bearer(headers)? else { return Ok(None) };
    let parsed = ClientKey::parse(key);
    // The rejected key may be a token of Webex's: it is not repeated.
    parsed.map(Some).map_err(|error| {
        refused(error.to_string()).hint("a client key begins with lyk_; lanyard client add prints it once")
    })
}
