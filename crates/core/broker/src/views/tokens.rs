//! The live tokens that Webex lists.

use lanyard_protocol::AppClientId;
use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::calls::tokens::{LiveToken, LiveTokens, MOST_LIVE_TOKENS, Whose, kind_word};

/// The live tokens of a credential's subject.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "LiveTokens")]
pub struct LiveTokensView {
    /// The credential's name.
    pub name: String,
    /// The name of the credential that asked Webex.
    pub via: String,
    /// How many of them are access tokens.
    pub access_tokens: usize,
    /// How many access tokens Webex allows.
    pub most_access_tokens: usize,
    /// The tokens, the newest first.
    pub tokens: Vec<LiveTokenView>,
}

/// A live token.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "LiveToken")]
pub struct LiveTokenView {
    /// The id of its authorisation, to revoke it by.
    pub id: String,
    /// Its kind.
    #[schemars(extend("enum" = ["refresh", "access", "unknown"]))]
    pub kind: &'static str,
    /// The name of its app.
    pub application_name: String,
    /// The client id of its app.
    pub client_id: Option<String>,
    /// When it was issued (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub created: Option<String>,
    /// Whether it belongs to the credential's app; `superseded` is a guess by time.
    #[schemars(extend("enum" = ["no", "superseded", "yes"]))]
    pub ours: &'static str,
}

/// Tokens that were revoked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RevokedTokens")]
pub struct RevokedTokensView {
    /// The tokens.
    pub revoked: Vec<LiveTokenView>,
}

impl LiveTokensView {
    /// Describes a listing.
    pub fn of(live: &LiveTokens) -> Self {
        Self {
            name: live.credential.name.to_string(),
            via: live.via.to_string(),
            access_tokens: live.access_tokens(),
            most_access_tokens: MOST_LIVE_TOKENS,
            tokens: live.tokens.iter().map(LiveTokenView::of).collect(),
        }
    }
}

impl LiveTokenView {
    /// Describes a token.
    pub fn of(token: &LiveToken) -> Self {
        let entry = &token.entry;
        Self {
            id: entry.id.as_str().to_owned(),
            kind: kind_word(entry.kind),
            application_name: entry.application_name.clone(),
            client_id: entry.client_id.as_ref().map(AppClientId::as_str).map(str::to_owned),
            created: time(entry.created),
            ours: match token.whose {
                Whose::AnotherApps => "no",
                Whose::Superseded => "superseded",
                Whose::OurApps => "yes",
            },
        }
    }
}

impl RevokedTokensView {
    /// Describes tokens that were revoked.
    pub fn of(revoked: &[LiveToken]) -> Self {
        Self { revoked: revoked.iter().map(LiveTokenView::of).collect() }
    }
}
