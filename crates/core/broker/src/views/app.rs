//! Apps.

use lanyard_credential::App;
use lanyard_protocol::oauth::RedirectUri;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calls::app::SecretVerdict;

/// An app, without its client secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "App")]
pub struct AppView {
    /// Its name.
    pub name: String,
    /// Its id, which never changes.
    pub id: String,
    /// Its kind.
    #[schemars(extend("enum" = ["integration", "service-app"]))]
    pub kind: &'static str,
    /// Its Webex.
    pub environment: String,
    /// Its client id at Webex.
    pub client_id: String,
    /// Its redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The scopes that a sign-in requests.
    pub scopes: Vec<String>,
    /// A service app's id at Webex; null if it was not given.
    pub application_id: Option<String>,
}

/// An app whose client secret was replaced.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplacedSecret")]
pub struct ReplacedSecretView {
    /// The app.
    #[serde(flatten)]
    pub app: AppView,
    /// The verdict of Webex on the new secret.
    #[schemars(extend("enum" = ["not-refused", "unknown"]))]
    pub secret: &'static str,
}

/// An app, client or channel that was removed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Removed")]
pub struct RemovedView {
    /// Its former name.
    pub name: String,
    /// True.
    pub removed: bool,
}

impl AppView {
    /// Describes an app.
    pub fn of(app: &App) -> Self {
        Self {
            name: app.name.to_string(),
            id: app.id.to_string(),
            kind: app.kind.as_str(),
            environment: app.environment.id().to_owned(),
            client_id: app.client_id.as_str().to_owned(),
            redirect_uris: app.redirect_uris.iter().map(RedirectUri::as_str).map(str::to_owned).collect(),
            scopes: app.scopes.iter().map(ToString::to_string).collect(),
            application_id: app.application_id.clone(),
        }
    }
}

impl ReplacedSecretView {
    /// Describes an app with the verdict on its new secret.
    pub fn of(app: &App, verdict: &SecretVerdict) -> Self {
        let secret = match verdict {
            SecretVerdict::NotRefused => "not-refused",
            SecretVerdict::Unknown(_) => "unknown",
        };
        Self { app: AppView::of(app), secret }
    }
}

impl RemovedView {
    /// Reports a removal.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), removed: true }
    }
}
