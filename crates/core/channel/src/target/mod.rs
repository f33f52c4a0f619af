//! The places to which notices go.

mod address;
mod argv;
mod auth;
mod error;
mod mail;
mod room;
mod template;
pub mod travel;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;

use lanyard_credential::{CredentialId, LabelKey};
use lanyard_protocol::visible;
use lanyard_secret::{SecretBytes, SecretText};
use serde::Deserialize;

pub use address::Address;
pub use argv::Argv;
pub use auth::AlertmanagerAuth;
pub use error::TargetError;
pub use mail::{MailAddress, MailSecurity, MailServer};
pub use room::RoomId;
pub use template::Template;
pub use webhook::WebhookSecret;

use crate::reach::Reach;

/// A place to which notices go. It may hold secrets, so it has no `Serialize`: [`document`](Self::document) writes it for the sealed
/// document in the store, and [`travel`] for the owner's socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Target {
    /// A program of this machine.
    Command(CommandTarget),
    /// An HTTP endpoint that accepts `CloudEvents`, signed as Standard Webhooks describe.
    Webhook(WebhookTarget),
    /// Prometheus' Alertmanager.
    Alertmanager(AlertmanagerTarget),
    /// An HTTP endpoint that accepts JSON in a form of its own.
    Json(JsonTarget),
    /// A Webex space.
    Space(SpaceTarget),
    /// Mail.
    Mail(MailTarget),
}

/// A program, which reads the event as JSON on its standard input.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandTarget {
    /// The program and its arguments; there is no shell.
    pub argv: Argv,
}

/// An HTTP endpoint that accepts `CloudEvents`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// Its address.
    #[serde(deserialize_with = "travel::address::deserialize")]
    pub url: Address,
    /// The secret by which it recognises Lanyard.
    #[serde(deserialize_with = "travel::webhook_secret::deserialize")]
    pub secret: WebhookSecret,
    /// Whether it may have a private address.
    #[serde(default)]
    pub allow_private: bool,
}

/// Prometheus' Alertmanager.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerTarget {
    /// Its address, without `/api/v2/alerts`.
    #[serde(deserialize_with = "travel::address::deserialize")]
    pub url: Address,
    /// The proof of Lanyard's identity, if it asks for one.
    #[serde(default)]
    pub auth: Option<AlertmanagerAuth>,
    /// The labels of credentials that become labels of alerts.
    #[serde(default)]
    pub labels: Vec<LabelKey>,
    /// Whether it may have a private address.
    #[serde(default)]
    pub allow_private: bool,
}

/// An HTTP endpoint that accepts JSON in a form of its own, such as `ServiceNow`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonTarget {
    /// Its address.
    #[serde(deserialize_with = "travel::address::deserialize")]
    pub url: Address,
    /// Headers to send. Every value is treated as a secret.
    #[serde(default, deserialize_with = "travel::headers::deserialize")]
    pub headers: BTreeMap<String, SecretText>,
    /// The body.
    #[serde(deserialize_with = "travel::template::deserialize")]
    pub template: Template,
    /// Whether it may have a private address.
    #[serde(default)]
    pub allow_private: bool,
}

/// A Webex space.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceTarget {
    /// The credential that writes.
    pub credential: CredentialId,
    /// The space.
    pub room: RoomId,
}

/// Mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTarget {
    /// The server that accepts the mail.
    pub server: MailServer,
    /// The user name at the server, if it asks for one.
    #[serde(default)]
    pub username: Option<String>,
    /// The password at the server.
    #[serde(default, with = "lanyard_secret::travel::optional")]
    pub password: Option<SecretText>,
    /// The sender.
    pub from: MailAddress,
    /// The recipients.
    pub to: Vec<MailAddress>,
    /// Whether the server may have a private address.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether to send without TLS, to a server on this machine only.
    #[serde(default)]
    pub allow_plaintext: bool,
}

impl Target {
    /// Checks what can be checked without a connection. Call it when a channel is added, so that its owner learns of a fault at once.
    pub fn check(&self) -> Result<(), TargetError> {
        match self {
            Self::Command(_) | Self::Space(_) => Ok(()),
            Self::Webhook(target) => target.url.reach(target.allow_private).map(drop),
            Self::Alertmanager(target) => {
                target.url.reach(target.allow_private)?;
                target.auth.as_ref().map_or(Ok(()), |auth| auth.header().map(drop))
            }
            Self::Json(target) => {
                target.url.reach(target.allow_private)?;
                target.header_map().map(drop)
            }
            Self::Mail(target) => target.check(),
        }
    }

    /// The words for all kinds.
    pub const KINDS: [&str; 6] = ["command", "webhook", "alertmanager", "json", "space", "mail"];

    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Webhook(_) => "webhook",
            Self::Alertmanager(_) => "alertmanager",
            Self::Json(_) => "json",
            Self::Space(_) => "space",
            Self::Mail(_) => "mail",
        }
    }

    /// The receiver as errors name it: a host or a program.
    pub fn receiver(&self) -> String {
        match self {
            Self::Command(target) => format!("the command {}", visible(target.argv.program())),
            Self::Webhook(target) => target.url.host(),
            Self::Alertmanager(target) => target.url.host(),
            Self::Json(target) => target.url.host(),
            Self::Space(_) => "Webex".to_owned(),
            Self::Mail(target) => target.server.host().to_string(),
        }
    }

    /// Writes it, with its secrets, for the sealed document in the store, and for nothing else.
    ///
    /// # Panics
    /// Never: nothing in a target has a form that JSON lacks.
    pub fn document(&self) -> SecretBytes {
        SecretBytes::new(serde_json::to_vec(&travel::Written(self)).expect("a target can be written as JSON"))
    }

    /// Reads it from the sealed document in the store. The error does not repeat the document.
    pub fn from_document(document: &SecretBytes) -> Result<Self, TargetError> {
        serde_json::from_slice(document.expose_secret()).map_err(|_| TargetError::Document)
    }
}

/// The kind and the receiver, as lists show it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(target) => write!(f, "command {}", visible(target.argv.program())),
            Self::Webhook(target) => write!(f, "webhook {}", target.url),
            Self::Alertmanager(target) => write!(f, "alertmanager {}", target.url),
            Self::Json(target) => write!(f, "json {}", target.url),
            Self::Space(target) => write!(f, "space {}", target.room),
            Self::Mail(target) => {
                let to: Vec<_> = target.to.iter().map(MailAddress::as_str).collect();
                write!(f, "mail {}", to.join(", "))
            }
        }
    }
}

impl JsonTarget {
    /// The headers to send, marked as sensitive.
    pub(crate) fn header_map(&self) -> Result<http::HeaderMap, TargetError> {
        let mut map = http::HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let odd = || TargetError::Header(visible(name).into_owned());
            let parsed = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| odd())?;
            if FIXED_HEADERS.contains(&parsed.as_str()) {
                return Err(odd());
            }
            let mut value = http::HeaderValue::from_str(value.expose_secret()).map_err(|_| odd())?;
            value.set_sensitive(true);
            map.insert(parsed, value);
        }
        Ok(map)
    }
}

/// The headers that belong to the connection or follow from the body.
const FIXED_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl MailTarget {
    /// The addresses that its server may have.
    pub(crate) fn reach(&self) -> Reach {
        match (self.allow_plaintext, self.allow_private) {
            (true, _) => Reach::Loopback,
            (false, true) => Reach::Anywhere,
            (false, false) => Reach::Public,
        }
    }

    fn check(&self) -> Result<(), TargetError> {
        if self.to.is_empty() {
            return Err(TargetError::NoRecipient);
        }
        if self.username.is_some() != self.password.is_some() {
            return Err(TargetError::HalfALogin);
        }
        if self.allow_plaintext && self.server.security() == MailSecurity::Tls {
            return Err(TargetError::PlaintextOverTls);
        }
        self.server.check(self.reach())
    }
}

#[cfg(test)]
mod tests;
