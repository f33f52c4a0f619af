//! Clients: the programs and users that may ask, and for what.

mod capability;
mod key;
mod method;
mod path;
mod refused;

use std::collections::BTreeSet;

use jiff::Timestamp;
use lanyard_protocol::{Method, OrgId};
use serde::{Deserialize, Serialize};

pub use self::capability::{Capability, CapabilityError, CapabilitySet};
pub use self::key::{ClientKey, ClientKeyError, KeyHash};
pub use self::method::{MethodError, MethodSet};
pub use self::path::{PathPattern, PathPatternError};
pub use self::refused::Refused;
use crate::{ClientId, ClientName, CredentialId};

/// A program, or a user of this machine, that may ask the broker; with its policy, which says what for. Its key is not here: the
/// store has the key's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The immutable id.
    pub id: ClientId,
    /// The name.
    pub name: ClientName,
    /// The capabilities that the client has.
    pub capabilities: CapabilitySet,
    /// The credentials that it may do it with.
    pub credentials: Granted,
    /// The methods that it may call Webex with through the proxy; `None` for any.
    pub methods: Option<MethodSet>,
    /// The paths that it may call through the proxy; `None` for any that yields no credential.
    pub paths: Option<Vec<PathPattern>>,
    /// The one organisation that its calls may be about.
    pub org: Option<OrgId>,
    /// From when on it is refused everything; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// The user of this machine that it is, known by the peer of a socket; such a client has no key.
    pub uid: Option<u32>,
}

/// The credentials that a client may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granted {
    /// Every one, those that are added later too.
    All,
    /// These. A credential that is erased is taken out, so that there may be none left.
    Only(BTreeSet<CredentialId>),
}

impl Granted {
    /// Whether that credential is among them.
    pub fn includes(&self, id: CredentialId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&id),
        }
    }
}

impl Client {
    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it may do that at all, with whichever credential: what is asked where a call names none.
    pub fn permits_any(&self, capability: Capability, now: Timestamp) -> Result<(), Refused> {
        let client = self.name.clone();
        if let Some(at) = self.expires_at.filter(|end| *end <= now) {
            return Err(Refused::Expired { client, at });
        }
        if !self.capabilities.contains(capability) {
            return Err(Refused::Capability { client, capability, held: self.capabilities });
        }
        Ok(())
    }

    /// Whether it may do that with that credential. A capability includes no other: a client that may `proxy` gets no `token`.
    pub fn permits(&self, credential: CredentialId, capability: Capability, now: Timestamp) -> Result<(), Refused> {
        // The capability first: of a credential that there is not, and of one that is not for it, a client learns the same.
        self.permits_any(capability, now)?;
        if self.credentials.includes(credential) {
            Ok(())
        } else {
            Err(Refused::Credential { client: self.name.clone() })
        }
    }

    /// Whether it may call Webex so through the proxy. `segments` are the path's, decoded, below `/v1` (`people`, `me`), or with
    /// the name of another upstream before them (`identity`, `@analytics`). `yields_credential` says that the call's answer or
    /// effect is a credential: it is allowed by its exact path only, never by a pattern and never by the lack of one. Webhooks and
    /// data sources have ids that nobody knows beforehand: a client that is granted `/webhooks` itself may use those that a pattern
    /// stands for.
    pub fn permits_call(&self, method: &Method, segments: &[&str], yields_credential: bool) -> Result<(), Refused> {
        let client = self.name.clone();
        if let Some(allowed) = self.methods.filter(|allowed| !allowed.contains(method)) {
            return Err(Refused::Method { client, method: method.clone(), allowed });
        }
        let patterns = self.paths.as_deref();
        if yields_credential {
            let patterns = patterns.unwrap_or_default();
            let exactly = |path: &[&str]| patterns.iter().any(|pattern| pattern.is_exact() && pattern.matches(path));
            let allowed = match segments {
                [collection @ ("webhooks" | "dataSources"), _] => {
                    exactly(&[collection]) && patterns.iter().any(|pattern| pattern.matches(segments))
                }
                _ => false,
            };
            return if allowed || exactly(segments) { Ok(()) } else { Err(Refused::YieldsCredential { client }) };
        }
        let allowed = patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(segments)));
        if allowed { Ok(()) } else { Err(Refused::Path { client }) }
    }
}

#[cfg(test)]
mod tests;
