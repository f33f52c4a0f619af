//! Why a target is not usable.

use thiserror::Error;

use crate::reach::RefusedAddress;

/// Why a target is not usable. No error repeats a value that may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// An address is not a URL of a web server.
    #[error(
        "expected an address that begins with https://, such as https://hooks.example/path, without a user name or a fragment"
    )]
    Address,
    /// An address would send secrets in the clear.
    #[error("http is not allowed for {0}: use https, or allow private addresses")]
    HttpsRequired(String),
    /// An address is out of bounds.
    #[error("{host} is not allowed: {refused}")]
    AddressRefused {
        /// The host.
        host: String,
        /// The address.
        refused: RefusedAddress,
    },
    /// A webhook's secret does not have the form of Standard Webhooks.
    #[error("expected a secret that begins with whsec_, followed by 24 to 64 bytes in base64")]
    WebhookSecret,
    /// A header cannot be sent.
    #[error("the header {0} cannot be sent: its name or value is invalid, or it follows from the body")]
    Header(String),
    /// A template is not usable.
    #[error("{0}")]
    Template(String),
    /// A command has no program.
    #[error("expected a program and its arguments")]
    NoProgram,
    /// A space's id is not one.
    #[error("expected the id of a Webex space, as `lanyard api NAME /rooms` lists it")]
    Room,
    /// A mail server is not one.
    #[error("expected a mail server such as smtp://mail.example:587 (STARTTLS) or smtps://mail.example")]
    MailServer,
    /// A mail address cannot be used.
    #[error("invalid mail address {0:?}; use NAME@HOST")]
    MailAddress(String),
    /// Mail has no recipient.
    #[error("expected at least one recipient")]
    NoRecipient,
    /// There is a user name without a password, or the reverse.
    #[error("expected both a user name and a password for the mail server, or neither")]
    HalfALogin,
    /// Plaintext is allowed for a server that is used over TLS.
    #[error("allow_plaintext requires an smtp:// server")]
    PlaintextOverTls,
    /// An alert manager's credentials cannot be sent.
    #[error("the user name, password or token for Alertmanager cannot be sent in a header")]
    Auth,
    /// The proxy cannot be used.
    #[error("expected a proxy such as http://proxy.example:3128")]
    Proxy,
    /// A certificate cannot be read.
    #[error("expected certificates in PEM")]
    Authority,
    /// The machinery of connections could not be built.
    #[error("no connection can be made: the system's certificates cannot be used")]
    Setup,
    /// A document in the store is not a target of this version.
    #[error("the channel was stored in a form that this version of Lanyard cannot read")]
    Document,
}
