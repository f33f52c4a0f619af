//! Why a client is refused.

use jiff::Timestamp;
use lanyard_protocol::{Method, OrgId};
use thiserror::Error;

use crate::{Capability, CapabilitySet, ClientName, MethodSet};

/// Why a client is not given what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Its time is over.
    #[error("the client {client} was allowed to ask until {at:.0}")]
    Expired {
        /// The client.
        client: ClientName,
        /// When it ended.
        at: Timestamp,
    },
    /// The credential is none of its own.
    #[error("the client {client} may not use this credential")]
    Credential {
        /// The client.
        client: ClientName,
    },
    /// It may do other things only.
    #[error("the client {client} does not have the capability {capability}; it has {}", Held(*.held))]
    Capability {
        /// The client.
        client: ClientName,
        /// The capability that the request needs.
        capability: Capability,
        /// The capabilities that the client has.
        held: CapabilitySet,
    },
    /// It may call Webex with other methods only.
    #[error("the client {client} may not call Webex with {method}, only with {allowed}")]
    Method {
        /// The client.
        client: ClientName,
        /// The call's method.
        method: Method,
        /// Those that it may use.
        allowed: MethodSet,
    },
    /// It may call other paths only.
    #[error("the client {client} may not call this path of Webex")]
    Path {
        /// The client.
        client: ClientName,
    },
    /// The answer to the call is a credential, and the call's exact path is not among those that the client may call.
    #[error("what comes of this call is a credential, and the client {client} is not granted its exact path")]
    YieldsCredential {
        /// The client.
        client: ClientName,
    },
    /// The call is about another organisation, or about one that cannot be told.
    #[error("the client {client} may only call Webex for the organisation {}", .org.as_str())]
    Org {
        /// The client.
        client: ClientName,
        /// The organisation that it is kept to.
        org: OrgId,
    },
}

impl Refused {
    /// The word for it: for programs, and for the audit.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Credential { .. } => "credential",
            Self::Capability { .. } => "capability",
            Self::Method { .. } => "method",
            Self::Path { .. } => "path",
            Self::YieldsCredential { .. } => "yields-credential",
            Self::Org { .. } => "organisation",
        }
    }

    /// The reason in a few words, for the audit, which shows it beside the client's name. It never includes input from the client.
    pub fn in_short(&self) -> String {
        let why = match self {
            Self::Expired { .. } => "its time is over",
            Self::Credential { .. } => "it may not use this credential",
            Self::Capability { capability, .. } => return format!("it may not do this: {capability}"),
            Self::Method { .. } => "it may not call with this method",
            Self::Path { .. } => "it may not call this path",
            Self::YieldsCredential { .. } => "the answer is a credential, and it is not granted this exact path",
            Self::Org { .. } => "the call is not about its organisation alone",
        };
        why.to_owned()
    }

    /// The next step, mostly for the administrator of the broker.
    pub fn hint(&self) -> String {
        let client = self.client();
        let set = |options: &str| format!("to allow it: lanyard client set {client} {options}");
        let list = |what: &str, option: &str| {
            format!("to allow it, list {what} that the client needs: lanyard client set {client} {option}")
        };
        match self {
            Self::Expired { .. } => set("--expires 30d"),
            Self::Credential { .. } => list("every credential", "--credential NAME,NAME"),
            Self::Capability { capability, held, .. } => {
                let can: CapabilitySet = held.iter().chain([*capability]).collect();
                set(&format!("--can {can}"))
            }
            Self::Method { method, allowed, .. } => set(&format!("--methods {allowed},{method}")),
            Self::Path { .. } => list("every path", "--paths PATH,PATH"),
            Self::YieldsCredential { .. } => list("every path, this one without a star,", "--paths PATH,PATH"),
            Self::Org { .. } => set("--org any"),
        }
    }

    /// The client that is refused.
    pub fn client(&self) -> &ClientName {
        match self {
            Self::Expired { client, .. }
            | Self::Credential { client }
            | Self::Capability { client, .. }
            | Self::Method { client, .. }
            | Self::Path { client }
            | Self::YieldsCredential { client }
            | Self::Org { client, .. } => client,
        }
    }
}

struct Held(CapabilitySet);

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { self.0.fmt(f) }
    }
}
