//! Clients.

use lanyard_credential::{ClientKey, Granted};
use schemars::JsonSchema;
use serde::Serialize;

use super::app::RemovedView;
use super::time;
use crate::calls::client::{Holding, ShownClient};

/// A client, without its key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Client")]
pub struct ClientView {
    /// Its name.
    pub name: String,
    /// Its id, which never changes.
    pub id: String,
    /// What it may do.
    pub capabilities: Vec<String>,
    /// Whether it may use every credential.
    pub all_credentials: bool,
    /// The names of the credentials that it may use; empty if it may use all.
    pub credentials: Vec<String>,
    /// The methods that it may call Webex with; null for any.
    pub methods: Option<Vec<String>>,
    /// The paths that it may call; null for any that exposes no credential.
    pub paths: Option<Vec<String>>,
    /// The only organisation that its calls may be about; null for any.
    pub organisation: Option<String>,
    /// When its access expires (RFC 3339); null for never.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// When it was added (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub created_at: Option<String>,
    /// The user id of the local user that it is; null if it has a key.
    pub uid: Option<u32>,
    /// When it was last handed a token, or had a call made (RFC 3339); null for never.
    #[schemars(extend("format" = "date-time"))]
    pub last_used_at: Option<String>,
    /// The tokens that it was handed and that Webex may still accept.
    pub holds: Vec<HoldingView>,
}

/// A token that a client was handed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Holding")]
pub struct HoldingView {
    /// The name of its credential.
    pub credential: String,
    /// The number of the token set.
    pub generation: u32,
    /// When it was last handed out (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub handed_out_at: Option<String>,
    /// When it expires at the latest (RFC 3339); null if that is unknown.
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// Whether a later token has replaced it.
    pub replaced: bool,
}

/// A new client with its key, which is shown only here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddedClient")]
pub struct AddedClientView<'a> {
    /// The client.
    #[serde(flatten)]
    pub client: ClientView,
    /// Its key; null if it is recognised by its user id.
    pub key: Option<&'a str>,
}

/// A client that was removed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RemovedClient")]
pub struct RemovedClientView {
    /// Its former name.
    #[serde(flatten)]
    pub client: RemovedView,
    /// The tokens that it still holds.
    pub holds: Vec<HoldingView>,
}

impl ClientView {
    /// Describes a client.
    pub fn of(shown: &ShownClient) -> Self {
        let client = &shown.client;
        Self {
            name: client.name.to_string(),
            id: client.id.to_string(),
            capabilities: client.capabilities.iter().map(|capability| capability.to_string()).collect(),
            all_credentials: client.credentials == Granted::All,
            credentials: shown.credentials.iter().map(ToString::to_string).collect(),
            methods: client.methods.map(|methods| methods.iter().map(|method| method.to_string()).collect()),
            paths: client.paths.as_ref().map(|paths| paths.iter().map(ToString::to_string).collect()),
            organisation: client.org.as_ref().map(|organisation| organisation.as_str().to_owned()),
            expires_at: time(client.expires_at),
            created_at: time(Some(client.created_at)),
            uid: client.uid,
            last_used_at: time(shown.last_used),
            holds: shown.holds.iter().map(HoldingView::of).collect(),
        }
    }
}

impl HoldingView {
    fn of(holding: &Holding) -> Self {
        Self {
            credential: holding.credential.to_string(),
            generation: holding.generation.number(),
            handed_out_at: time(Some(holding.last)),
            until: time(holding.until),
            replaced: holding.replaced,
        }
    }
}

impl<'a> AddedClientView<'a> {
    /// Describes a client with its key.
    pub fn of(shown: &ShownClient, key: Option<&'a ClientKey>) -> Self {
        Self { client: ClientView::of(shown), key: key.map(ClientKey::expose_secret) }
    }
}

impl RemovedClientView {
    /// Reports the removal of a client.
    pub fn of(shown: &ShownClient) -> Self {
        let holds = shown.holds.iter().map(HoldingView::of).collect();
        Self { client: RemovedView::of(shown.client.name.as_str()), holds }
    }
}
