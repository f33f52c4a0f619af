//! The caller of a request, and its permissions.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method};
use lanyard_broker::client_actor;
use lanyard_credential::ClientKey;
use lanyard_operation::Actor;
pub(crate) use lanyard_operation::Caller;

use crate::problem::{Code, Problem};
use crate::shared::Shared;

/// The header in which a command of the owner names the purpose of a token, for the audit. Accepted on the owner's socket alone.
pub(crate) const MEANS: HeaderName = HeaderName::from_static("lanyard-means");

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

/// The caller of a request. A key must be valid on every listener; without a key, a local user is identified by the user id.
pub(crate) fn authenticate(shared: &Shared, peer: &Peer, headers: &HeaderMap) -> Result<Caller, Problem> {
    let client = match (peer, key(headers)?) {
        (&Peer::Owner { uid, pid }, None) => return Ok(Caller::Owner { actor: Actor::User { uid, pid } }),
        (_, Some(key)) => shared.hand_outs.client_of_key(&key).ok_or_else(|| {
            Problem::new(Code::Unauthorized, "no client has this key")
                .why("no client has this key")
                .hint("list the clients: lanyard client list; add one: lanyard client add")
        })?,
        (Peer::Local { uid }, None) => shared.hand_outs.client_of_user(*uid).ok_or_else(|| {
            Problem::new(Code::Unauthorized, format!("user {uid} is not a client, and the request has no key"))
                .why("this user is not a client, and the request has no key")
                .hint(format!("let the owner run lanyard client add NAME --user {uid}, or send a key"))
        })?,
        (Peer::Remote { .. }, None) => {
            return Err(Problem::new(Code::Unauthorized, "there is no key")
                .why("there is no key")
                .hint("send a client key: Authorization: Bearer KEY; to create one: lanyard client add"));
        }
    };
    let actor = Actor::Named(client_actor(&client.name).into());
    Ok(Caller::Client { client, actor })
}

/// Whether the caller may make this call to Webex, with a credential that it may call with.
pub(crate) fn may_call(
    caller: &Caller,
    method: &Method,
    segments: &[&str],
    yields_credential: bool,
) -> Result<(), Problem> {
    match caller {
        Caller::Owner { .. } => Ok(()),
        Caller::Client { client, .. } => Ok(client.permits_call(method, segments, yields_credential)?),
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
