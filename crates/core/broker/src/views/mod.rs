//! Replies as programs see them: the JSON of the command line's `--json` and of the HTTP API, and the schemas that describe it.

mod app;
mod audit;
mod client;
mod test;
mod tokens;

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::{Credential, State, Validity};
use lanyard_time::Moment;
use schemars::JsonSchema;
use serde::Serialize;

pub use self::app::{AppView, RemovedView, ReplacedSecretView};
pub use self::audit::{AuditEntryView, AuditVerdictView, RetentionView};
pub use self::client::{AddedClientView, ClientView, RemovedClientView};
pub use self::test::{TestView, TestedView};
pub use self::tokens::{LiveTokenView, LiveTokensView, RevokedTokensView};
use crate::calls::clear::Cleared;
use crate::calls::refresh::Refreshed;
use crate::calls::show::Listed;
use crate::error::{Troubled, advice};
use crate::revocation::Revocation;

/// A credential.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Credential")]
pub struct CredentialView {
    /// Its name.
    pub name: String,
    /// Its id, which never changes.
    pub id: String,
    /// Its kind.
    #[schemars(extend("enum" = ["personal", "bot", "integration", "service-app", "guest"]))]
    pub kind: &'static str,
    /// Its state.
    #[schemars(extend("enum" = State::ALL.map(State::as_str)))]
    pub state: &'static str,
    /// Its Webex.
    pub environment: String,
    /// The identity that it acts as.
    pub subject: SubjectView,
    /// The organisation of that identity.
    pub organisation: OrganisationView,
    /// The granted scopes; null if Webex did not name them.
    pub scopes: Option<Vec<String>>,
    /// The number of its token set, which increases with each renewal.
    pub generation: u32,
    /// When its access token expires (RFC 3339); null if Webex did not say.
    #[schemars(extend("format" = "date-time"))]
    pub access_token_expires_at: Option<String>,
    /// When its refresh token expires (RFC 3339); null if there is none, or Webex did not say.
    #[schemars(extend("format" = "date-time"))]
    pub refresh_token_expires_at: Option<String>,
    /// When it was last renewed (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub last_rotated_at: Option<String>,
    /// Its last failure, until a renewal succeeds.
    pub last_error: Option<TroubleView>,
    /// The owner's own labels.
    pub labels: BTreeMap<String, String>,
}

/// The identity behind a token. Each value is null while it is unknown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Subject")]
pub struct SubjectView {
    /// The kind of account, such as `person` or `bot`.
    #[serde(rename = "type")]
    pub account: Option<String>,
    /// Its name, as Webex shows it.
    pub display_name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
}

/// An organisation. Each value is null while it is unknown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Organisation")]
pub struct OrganisationView {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// A credential's failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "LastError")]
pub struct TroubleView {
    /// When it happened (RFC 3339).
    pub at: Option<String>,
    /// Its kind.
    pub kind: &'static str,
    /// A sentence about it.
    pub message: String,
    /// The next step.
    pub hint: String,
}

impl CredentialView {
    /// Describes a credential, whose state ignores all other credentials.
    pub fn of(credential: &Credential, now: &Moment) -> Self {
        Self::in_state(credential, credential.state(now), now)
    }

    /// Describes a credential, with the state that it has among all credentials.
    pub fn of_listed(listed: &Listed, now: &Moment) -> Self {
        Self::in_state(&listed.credential, listed.state, now)
    }

    /// Describes a credential in a state.
    pub fn in_state(credential: &Credential, state: State, now: &Moment) -> Self {
        let subject = credential.subject.known();
        let organisation = credential.organisation.as_ref();
        let validity = credential.validity.as_ref();
        Self {
            name: credential.name.to_string(),
            id: credential.id.to_string(),
            kind: credential.kind.as_str(),
            state: state.as_str(),
            environment: credential.environment.id().to_owned(),
            subject: SubjectView {
                account: subject.map(|subject| subject.account.as_str().to_owned()),
                display_name: subject.map(|subject| subject.display_name.clone()),
                email: subject.and_then(|subject| subject.email.clone()),
            },
            organisation: OrganisationView {
                id: organisation.map(|organisation| organisation.id.as_str().to_owned()),
                name: organisation.and_then(|organisation| organisation.name.clone()),
            },
            scopes: credential.scopes.as_ref().map(|scopes| scopes.iter().map(ToString::to_string).collect()),
            generation: credential.generation.number(),
            access_token_expires_at: time(validity.and_then(Validity::access_expires_at)),
            refresh_token_expires_at: time(validity.and_then(Validity::refresh_expires_at)),
            last_rotated_at: time(credential.last_rotated_at),
            last_error: credential.standing.trouble().map(|trouble| TroubleView {
                at: time(Some(trouble.when())),
                kind: trouble.kind.as_str(),
                message: trouble.message.clone(),
                hint: advice(&Troubled::of(credential), trouble, now),
            }),
            labels: credential.labels.clone(),
        }
    }
}

/// The outcome for the tokens of a cleared credential.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Cleared")]
pub struct ClearedView {
    /// The credential's former name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its tokens.
    pub tokens: Vec<RevocationView>,
}

/// The outcome for one token.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Revocation")]
pub struct RevocationView {
    /// The kind of the token.
    #[schemars(extend("enum" = ["access", "refresh"]))]
    pub token: &'static str,
    /// The outcome.
    #[schemars(extend("enum" = ["revoked", "revoked-by-listing", "revoked-by-guess", "queued", "not-revoked"]))]
    pub outcome: &'static str,
    /// Why it was not revoked.
    pub reason: Option<String>,
}

impl ClearedView {
    /// The outcome of clearing.
    pub fn of(cleared: &Cleared) -> Self {
        let tokens = cleared.revocations.iter().map(RevocationView::of).collect();
        Self { name: cleared.name.to_string(), kind: cleared.kind.as_str(), tokens }
    }
}

impl RevocationView {
    fn of(revocation: &Revocation) -> Self {
        let (token, outcome, reason) = revocation.words();
        Self { token, outcome, reason: reason.map(str::to_owned) }
    }
}

/// The outcome of a renewal that was asked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Refreshed")]
pub struct RefreshedView {
    /// The outcome.
    #[schemars(extend("enum" = ["renewed", "renewed-elsewhere", "not-due"]))]
    pub outcome: &'static str,
    /// The credential afterwards.
    pub credential: CredentialView,
}

impl RefreshedView {
    /// The outcome of a renewal.
    pub fn of(refreshed: &Refreshed, now: &Moment) -> Self {
        let (credential, outcome) = match refreshed {
            Refreshed::Rotated(credential) => (credential, "renewed"),
            Refreshed::RotatedElsewhere(credential) => (credential, "renewed-elsewhere"),
            Refreshed::NotDue(credential) => (credential, "not-due"),
        };
        Self { outcome, credential: CredentialView::of(credential, now) }
    }
}

/// A time as RFC 3339 in whole seconds.
pub fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| format!("{at:.0}"))
}
